-- One row per cohort (the month of a customer's first order) and month since. Months in which nobody of
-- the cohort ordered have no row.
with orders as (

    select
        customer_unique_id,
        order_id,
        order_value,
        {{ month_start('purchase_date') }} as order_month
    from {{ ref('int_orders_enriched') }}

),

cohorts as (

    select customer_unique_id, min(order_month) as cohort_month
    from orders
    group by customer_unique_id

),

sizes as (

    select cohort_month, count(*) as cohort_size
    from cohorts
    group by cohort_month

),

activity as (

    select
        cohorts.cohort_month,
        cast(date_diff('month', cohorts.cohort_month, orders.order_month) as integer) as months_since_first,
        count(distinct orders.customer_unique_id) as active_customers,
        count(*) as order_count,
        {{ money('sum(orders.order_value)') }} as gmv
    from orders
    inner join cohorts on orders.customer_unique_id = cohorts.customer_unique_id
    group by cohorts.cohort_month, months_since_first

)

select
    {{ surrogate_key(['activity.cohort_month', 'activity.months_since_first']) }} as cohort_key,
    activity.cohort_month,
    activity.months_since_first,
    sizes.cohort_size,
    activity.active_customers,
    activity.order_count,
    activity.gmv,
    {{ percent('activity.active_customers', 'sizes.cohort_size') }} as retention_rate_pct
from activity
inner join sizes on activity.cohort_month = sizes.cohort_month
