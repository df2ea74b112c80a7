-- Every check passed, warned, failed or could not be made.
select *
from {{ ref('ops_quality_scorecard') }}
where check_count <> passed_count + warned_count + failed_count + error_count
