-- limits
set local statement_timeout = 21600000;
set local lock_timeout = 1000;
