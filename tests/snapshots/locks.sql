-- hold
select name
from tidemark.lock
where name = any (:names)
order by name
for update;
