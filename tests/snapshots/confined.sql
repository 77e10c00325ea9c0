-- read
copy tidemark.applied_batch (area, batch_id, applied_at) to stdout (format csv);
