-- One command migrates at a time; the others wait here. 20564 is "PT".
select pg_advisory_lock(20564)
