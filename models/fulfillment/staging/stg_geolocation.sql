with source as (

    select * from {{ source('olist', 'geolocation') }}

)

select
    {{ zip_code_prefix('geolocation_zip_code_prefix') }} as zip_code_prefix,
    geolocation_lat as latitude,
    geolocation_lng as longitude,
    {{ normalize_city('geolocation_city') }} as city,
    upper(trim(geolocation_state)) as state,
    -- some points lie in Portugal or in the sea: kept here, and left out where a zip code is located
    (
        geolocation_lat between -33.8 and 5.3
        and geolocation_lng between -74.0 and -34.7
    ) as is_in_brazil
from source
