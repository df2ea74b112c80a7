select pg_advisory_unlock(20564, hashtext($1::uuid::text))
