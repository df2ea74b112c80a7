{% macro greet(name='you') %}hello {{ name }}{% endmacro %}

{% macro spread(x) %}{{ return(adapter.dispatch('spread', 'pkg')(x)) }}{% endmacro %}
{% macro default__spread(x) %}default {{ x }}{% endmacro %}
{% macro duckdb__spread(x) %}duckdb {{ x }}{% endmacro %}

{% macro replaced(x) %}{{ return(adapter.dispatch('replaced', 'pkg')(x)) }}{% endmacro %}
{% macro default__replaced(x) %}package {{ x }}{% endmacro %}
