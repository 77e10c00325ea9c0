-- The second source's database, in the server of the first one. Runs when its volume is new.
create database ledger;
