{# Expressions for derived columns. Timestamps of the files are on the business clock already. #}

{# Now on the business clock: timestamps of the files have no zone and are on it. #}
{% macro business_now() -%}
    (now() at time zone '{{ env_var("FASTFEAST_TIMEZONE", "UTC") }}')
{%- endmacro %}

{# Key of dim_date, YYYYMMDD. #}
{% macro date_key(timestamp) -%}
    to_char({{ timestamp }}, 'YYYYMMDD')::integer
{%- endmacro %}

{# Key of dim_time, HHMM. #}
{% macro time_key(timestamp) -%}
    (extract(hour from {{ timestamp }}) * 100 + extract(minute from {{ timestamp }}))::integer
{%- endmacro %}

{# Minutes from one timestamp to another with two decimals; null when either is. #}
{% macro minutes_between(earlier, later) -%}
    round(extract(epoch from ({{ later }} - {{ earlier }})) / 60, 2)::numeric(12, 2)
{%- endmacro %}

{# Whether a service level was missed; not done yet counts as missed. #}
{% macro sla_breached(done_at, due_at) -%}
    coalesce({{ done_at }} > {{ due_at }}, true)
{%- endmacro %}

{# met, breached, or pending: not done and not yet due. #}
{% macro sla_status(done_at, due_at) -%}
    case
        when {{ done_at }} <= {{ due_at }} then 'met'
        when {{ done_at }} is null and {{ business_now() }} <= {{ due_at }} then 'pending'
        else 'breached'
    end
{%- endmacro %}

{# A moment of the platform's own clock on the business clock. #}
{% macro business_time(moment) -%}
    ({{ moment }} at time zone '{{ env_var("FASTFEAST_TIMEZONE", "UTC") }}')
{%- endmacro %}

{# A part of a whole with four decimals; null when there is no whole. #}
{% macro share(part, whole) -%}
    round({{ part }}::numeric / nullif({{ whole }}, 0), 4)
{%- endmacro %}
