-- A die with so many sides, thrown for lead n: the same number each time for the same seed and question.
create or replace function pg_temp.draw(n bigint, seed bigint, question integer, sides integer) returns integer
language sql immutable as $$
    select mod(hashint8extended(n, seed * 64 + question) & 9223372036854775807, sides)::integer
$$;
