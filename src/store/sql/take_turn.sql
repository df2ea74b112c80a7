-- One run at a time for each project and place. 20565 is "PU".
select pg_try_advisory_lock(20565, hashtext($1))
