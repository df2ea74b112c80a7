-- What a support agent or a shop page asks for by customer: one row each, found through an index.
-- Both models that it reads live in DuckDB; Pintail copies them over first.
{{
    config(
        materialized='table',
        indexes=[
            {'columns': ['customer_unique_id'], 'unique': true},
            {'columns': ['state', 'city']},
            {'columns': ['rfm_segment']}
        ],
        post_hook="analyze {{ this }}"
    )
}}

with customers as (

    select * from {{ ref('dim_customer') }}

),

rfm as (

    select * from {{ ref('mart_customer_rfm') }}

)

select
    customers.customer_key,
    customers.customer_unique_id,
    customers.zip_code_prefix,
    customers.city,
    customers.state,
    customers.first_order_at,
    customers.last_order_at,
    {{ date_key('customers.last_order_at') }} as last_order_date_key,
    {{ days_between('customers.first_order_at', 'customers.last_order_at') }} as days_as_customer,
    customers.order_count,
    customers.lifetime_value,
    customers.customer_segment,
    rfm.rfm_segment,
    rfm.rfm_score,
    customers.average_review_score,
    current_timestamp as refreshed_at
from customers
left join rfm on customers.customer_key = rfm.customer_key
