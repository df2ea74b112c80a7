select pg_advisory_unlock(20564)
