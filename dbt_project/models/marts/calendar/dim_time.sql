-- grain: one row per minute of the day
{{ config(unique_key='time_key') }}

with

minutes as (
    select
        minute_of_day / 60 as hour,
        minute_of_day % 60 as minute
    from generate_series(0, 1439) as minute_of_day
)

select
    hour * 100 + minute as time_key,
    hour,
    minute,
    case when hour < 12 then 'AM' else 'PM' end as am_pm,
    case
        when hour between 6 and 13 then 'morning'
        when hour between 14 and 21 then 'evening'
        else 'night'
    end as shift
from minutes
