-- history_start
select coalesce(max(batch_id), 0) from tidemark.history_start where area = :area;
