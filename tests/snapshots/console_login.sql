-- let_in
alter role tidemark_console login password 'drawn';
