{% macro default__replaced(x) %}project {{ x }}{% endmacro %}

{% macro plain() %}plain{% endmacro %}

{%- macro trimmed() -%}
  inner
{%- endmacro -%}

{% macro spaced() %}
  inner
{% endmacro %}

{% macro defaults(a, b=2, c=[1, 'x'], d=none) %}{{ a }}|{{ b }}|{{ c }}|{{ d }}{% endmacro %}

{% macro fresh_default(xs=[]) %}{% do xs.append(1) %}{{ xs }}{% endmacro %}

{% macro rest(a) %}{{ a }} {{ varargs }} {{ kwargs }}{% endmacro %}

{% macro rest_loop() %}{% for v in varargs %}{{ v }};{% endfor %}{% for k, v in kwargs.items() %}{{ k }}={{ v }};{% endfor %}{% endmacro %}

{% macro forward() %}{{ return(rest(*varargs, **kwargs)) }}{% endmacro %}

{% macro gives_list() %}{{ return([1, {'a': none}]) }}{% endmacro %}
{% macro gives_none() %}{% do return(none) %}{% endmacro %}
{% macro gives_bool(x) %}{{ return(x > 3) }}{% endmacro %}
{% macro gives_early(xs) %}
  {% for x in xs %}
    {% if x > 2 %}{{ return('found ' ~ x) }}{% endif %}
  {% endfor %}
  {{ return('nothing') }}
{% endmacro %}
{% macro gives_dict() %}{% set d = {} %}{% do d.update({'k': [1]}) %}{% do return(d) %}{% endmacro %}

{% macro factorial(n) %}{% if n <= 1 %}{{ return(1) }}{% endif %}{{ return(n * factorial(n - 1)) }}{% endmacro %}

{% macro wrapper(tag) %}<{{ tag }}>{{ caller() }}</{{ tag }}>{% endmacro %}
{% macro each(xs) %}{% for x in xs %}[{{ caller(x, loop.index) }}]{% endfor %}{% endmacro %}
{% macro twice() %}{{ caller() }}{{ caller() }}{% endmacro %}
{% macro caller_value() %}{% set text = caller() %}{{ return(text | upper) }}{% endmacro %}

{% macro changes(xs) %}{% do xs.append('changed') %}{% endmacro %}

{% macro uses_package() %}{{ pkg.greet('root') }}{% endmacro %}
{% macro sees_context() %}{{ target.name }} {{ this.name }} {{ execute }}{% endmacro %}
{% macro outer_name() %}{{ hidden is defined }}{% endmacro %}

{% macro keyed_caller() %}{{ caller(1, y=2) }}|{{ caller(x=3) }}{% endmacro %}
