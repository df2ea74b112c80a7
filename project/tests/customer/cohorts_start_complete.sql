-- In its first month a cohort is complete, by definition.
select *
from {{ ref('mart_cohort_retention') }}
where
    months_since_first = 0
    and (active_customers <> cohort_size or retention_rate_pct <> 100)
