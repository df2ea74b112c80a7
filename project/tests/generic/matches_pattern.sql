{# Values that are not shaped as expected. Null is not judged. #}
{% test matches_pattern(model, column_name, pattern) %}

select {{ column_name }} as value_not_matching
from {{ model }}
where not {{ matches(column_name, pattern) }}

{% endtest %}
