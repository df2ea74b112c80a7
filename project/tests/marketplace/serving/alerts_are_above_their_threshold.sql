-- Nobody is called without a reason.
select *
from {{ ref('ops_seller_alerts') }}
where
    (alert_type = 'late_shipping' and metric_value < threshold)
    or (alert_type = 'low_reviews' and metric_value > threshold)
    or sample_size < {{ var('alert_min_items') }}
