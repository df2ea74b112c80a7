{#- Keys and numbers: the same SQL on both engines, so that a key made on one can be joined on the other. -#}

{# The md5 of the parts, joined by a character that no key contains. Null parts get a text of their own. #}
{% macro surrogate_key(columns) -%}
  {%- set parts = [] -%}
  {%- for column in columns -%}
    {%- do parts.append("coalesce(cast(" ~ column ~ " as varchar), '_null_')") -%}
  {%- endfor -%}
  md5({{ parts | join(" || '|' || ") }})
{%- endmacro %}


{# Sums widen a decimal on either engine; money goes back to what it was. #}
{% macro money(expression) -%}
  cast({{ expression }} as decimal(18, 2))
{%- endmacro %}


{# Null, not an error, where there is nothing to divide by. #}
{% macro percent(part, whole, digits=3) -%}
  cast(100.0 * {{ part }} / nullif({{ whole }}, 0) as decimal(9, {{ digits }}))
{%- endmacro %}


{% macro average_money(total, number) -%}
  cast({{ total }} / nullif({{ number }}, 0) as decimal(18, 2))
{%- endmacro %}
