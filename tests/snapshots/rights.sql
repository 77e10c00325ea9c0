-- grant
do $grant$
begin
    execute 'grant usage on schema tidemark to tidemark_monitor';
exception
    when undefined_table or undefined_function or undefined_object or undefined_column
    or invalid_schema_name or wrong_object_type then null;
end;
$grant$;
