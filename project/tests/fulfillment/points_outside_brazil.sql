-- Points in Portugal or in the sea; dim_geography leaves them out when it locates a zip code.
{{ config(severity='error', warn_if='>0', error_if='>500') }}

select zip_code_prefix, latitude, longitude, city, state
from {{ ref('stg_geolocation') }}
where not is_in_brazil
