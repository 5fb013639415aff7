-- grain: one row per day from 2000-01-01 to 2099-12-31, the range of dates that contracts admit
{{ config(unique_key='date_key') }}

with

days as (
    select day::date as full_date
    from
        generate_series(
            {% if is_incremental() %}
            (select to_date(max(known.date_key)::text, 'YYYYMMDD') + 1 from {{ this }} as known),
            {% else %}
            '2000-01-01'::date,
            {% endif %}
            '2099-12-31'::date,
            '1 day'::interval
        ) as day
)

select
    {{ date_key('full_date') }} as date_key,
    full_date,
    extract(year from full_date)::integer as year,
    extract(quarter from full_date)::integer as quarter,
    extract(month from full_date)::integer as month,
    to_char(full_date, 'FMMonth') as month_name,
    extract(day from full_date)::integer as day,
    extract(isodow from full_date)::integer as day_of_week,
    to_char(full_date, 'FMDay') as day_name,
    extract(isoyear from full_date)::integer as iso_year,
    extract(week from full_date)::integer as iso_week,
    extract(isodow from full_date) in (5, 6) as is_weekend
from days
