-- Held by the run's own connection for as long as it lives: who can take it knows that the run
-- is over. 20564 is "PT".
select pg_try_advisory_lock(20564, hashtext($1::uuid::text))
