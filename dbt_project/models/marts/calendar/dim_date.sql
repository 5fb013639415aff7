-- grain: one row per day from 2000-01-01 to 2099-12-31, the range of dates that contracts admit
{{ config(unique_key='date_key') }}

with

days as (
    select day::date as full_date
    from generate_series('2000-01-01'::timestamp, '2099-12-31'::timestamp, '1 day') as day
    {% if is_incremental() %}
    where day > (select max(known.full_date) from {{ this }} as known)
    {% endif %}
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
