-- One row per zip code prefix that a point, a customer or a seller has.
with points as (

    select * from {{ ref('stg_geolocation') }}

),

states as (

    select * from {{ ref('brazil_states') }}

),

places as (

    select zip_code_prefix, city, state, true as is_point from points
    union all
    select zip_code_prefix, city, state, false from {{ ref('stg_customers') }}
    union all
    select zip_code_prefix, city, state, false from {{ ref('stg_sellers') }}

),

-- a prefix goes by the name that most of its points give it; addresses decide only where there are none
names as (

    select
        zip_code_prefix,
        city,
        state,
        row_number() over (
            partition by zip_code_prefix
            order by count(*) filter (where is_point) desc, count(*) desc, state, city
        ) as preference
    from places
    group by zip_code_prefix, city, state

),

-- the median leaves a few misplaced points without effect
locations as (

    select
        zip_code_prefix,
        count(*) as point_count,
        median(latitude) filter (where is_in_brazil) as latitude,
        median(longitude) filter (where is_in_brazil) as longitude
    from points
    group by zip_code_prefix

)

select
    {{ surrogate_key(['names.zip_code_prefix']) }} as geography_key,
    names.zip_code_prefix,
    names.city,
    names.state,
    states.state_name,
    states.region,
    locations.latitude,
    locations.longitude,
    coalesce(locations.point_count, 0) as point_count,
    locations.latitude is not null as is_located
from names
left join states on names.state = states.state
left join locations on names.zip_code_prefix = locations.zip_code_prefix
where names.preference = 1
