-- answer
select public.fn_thing(id => 1::integer)::text as answer;
