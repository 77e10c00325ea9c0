-- Questions of applications that a function of the DWH answers.

-- name: answer
select {function}({arguments})::text as answer

-- name: argument
{name} => {value}::{type}
