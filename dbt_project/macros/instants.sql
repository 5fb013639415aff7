{# Instants behind timestamps of the files. These are on the business clock, which shows one hour
   twice in autumn and leaves one out in spring: there two instants may be meant, an hour apart.
   PostgreSQL takes the later one of both. #}

{# The latest instant that a timestamp may mean. #}
{% macro latest_instant(timestamp) -%}
    ({{ timestamp }} at time zone '{{ env_var("FASTFEAST_TIMEZONE", "UTC") }}')
{%- endmacro %}

{# The earliest instant that a timestamp may mean. #}
{% macro earliest_instant(timestamp) -%}
    {%- set zone = env_var("FASTFEAST_TIMEZONE", "UTC") -%}
    {%- set latest = latest_instant(timestamp) -%}
    case
        when
            ({{ latest }} at time zone '{{ zone }}') <> {{ timestamp }}
            or (({{ latest }} - interval '1 hour') at time zone '{{ zone }}') = {{ timestamp }}
            then {{ latest }} - interval '1 hour'
        else {{ latest }}
    end
{%- endmacro %}

{# Whether some reading of the two has `later` not before `earlier`: what is taken into raw. #}
{% macro is_not_before(later, earlier) -%}
    ({{ later }} >= {{ earlier }} or {{ latest_instant(later) }} >= {{ earliest_instant(earlier) }})
{%- endmacro %}

{# Minutes from one timestamp of a row to a later one, with two decimals; null when either is.
   Where the clock says that the later one was earlier, it was put back in between. #}
{% macro elapsed_minutes(earlier, later) -%}
    case
        when {{ later }} < {{ earlier }}
            then {{ minutes_between(earliest_instant(earlier), latest_instant(later)) }}
        else {{ minutes_between(earlier, later) }}
    end
{%- endmacro %}
