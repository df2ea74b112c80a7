SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET IntervalStyle = 'postgres';
SET bytea_output = 'hex';
SET extra_float_digits = 1;
SET standard_conforming_strings = on;
-- A statement whose client is gone ends at once instead of holding its locks. Since PostgreSQL 14, and
-- on systems that can tell.
SELECT set_config('client_connection_check_interval', '500', false)
WHERE current_setting('server_version_num')::int >= 140000 AND version() ~ 'linux|darwin|freebsd';
