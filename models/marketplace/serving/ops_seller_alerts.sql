-- One row per seller and reason to call them. A seller with few items is left alone: one late parcel
-- out of two says nothing.
{{
    config(
        materialized='table',
        indexes=[
            {'columns': ['alert_key'], 'unique': true},
            {'columns': ['seller_id']}
        ],
        post_hook="analyze {{ this }}"
    )
}}

with sellers as (

    select * from {{ ref('mart_seller_scorecard') }}

),

alerts as (

    select
        seller_key,
        seller_id,
        city,
        state,
        'late_shipping' as alert_type,
        late_shipment_rate_pct as metric_value,
        cast({{ var('alert_late_shipment_pct') }} as decimal(9, 3)) as threshold,
        shipped_items as sample_size,
        late_shipment_rate_pct >= 2 * {{ var('alert_late_shipment_pct') }} as is_critical
    from sellers
    where
        shipped_items >= {{ var('alert_min_items') }}
        and late_shipment_rate_pct >= {{ var('alert_late_shipment_pct') }}

    union all

    select
        seller_key,
        seller_id,
        city,
        state,
        'low_reviews' as alert_type,
        cast(average_review_score as decimal(9, 3)) as metric_value,
        cast({{ var('alert_low_review_score') }} as decimal(9, 3)) as threshold,
        review_count as sample_size,
        average_review_score <= {{ var('alert_low_review_score') }} - 1 as is_critical
    from sellers
    where
        review_count >= {{ var('alert_min_items') }}
        and average_review_score <= {{ var('alert_low_review_score') }}

)

select
    {{ surrogate_key(['seller_id', 'alert_type']) }} as alert_key,
    seller_key,
    seller_id,
    city,
    state,
    alert_type,
    case when is_critical then 'critical' else 'warning' end as alert_level,
    metric_value,
    threshold,
    sample_size,
    current_timestamp as raised_at
from alerts
