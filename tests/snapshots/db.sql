-- become
set session role tidemark_etl;
