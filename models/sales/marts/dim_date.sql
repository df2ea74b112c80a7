-- Every day of every year that the data touches, so that each date key of a fact is found here.
with touched as (

    select min(purchase_date) as first_day, max(purchase_date) as last_day from {{ ref('stg_orders') }}
    union all
    select null, cast(max(estimated_delivery_at) as date) from {{ ref('stg_orders') }}
    union all
    select null, cast(max(delivered_at) as date) from {{ ref('stg_orders') }}
    union all
    select cast(min(review_created_at) as date), cast(max(review_answered_at) as date) from {{ ref('stg_order_reviews') }}

),

days as (

    select cast(unnest(generate_series(
        date_trunc('year', min(first_day)),
        date_trunc('year', max(last_day)) + interval 1 year - interval 1 day,
        interval 1 day
    )) as date) as date_day
    from touched

)

select
    {{ date_key('date_day') }} as date_key,
    date_day,
    cast(extract(year from date_day) as integer) as year_number,
    cast(extract(quarter from date_day) as integer) as quarter_number,
    cast(extract(month from date_day) as integer) as month_number,
    strftime(date_day, '%B') as month_name,
    {{ month_start('date_day') }} as month_start,
    cast(extract(week from date_day) as integer) as iso_week_number,
    cast(extract(day from date_day) as integer) as day_of_month,
    cast(extract(isodow from date_day) as integer) as iso_day_of_week,
    strftime(date_day, '%A') as day_name,
    extract(isodow from date_day) in (6, 7) as is_weekend
from days
