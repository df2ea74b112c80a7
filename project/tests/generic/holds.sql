{# Rows for which an expression over the model's own columns is false. Null is not judged. #}
{% test holds(model, expression) %}

select *
from {{ model }}
where not ({{ expression }})

{% endtest %}
