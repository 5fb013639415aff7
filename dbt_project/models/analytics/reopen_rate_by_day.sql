-- grain: one row per day on which tickets were opened
with

tickets as (
    select * from {{ ref('fact_ticket') }}
),

dates as (
    select * from {{ ref('dim_date') }}
),

by_day as (
    select
        date_key,
        count(*) as tickets,
        count(*) filter (where reopened) as reopened_tickets
    from tickets
    group by date_key
)

select
    dates.full_date,
    by_day.tickets,
    by_day.reopened_tickets,
    {{ share('by_day.reopened_tickets', 'by_day.tickets') }} as reopen_rate
from by_day
inner join dates on by_day.date_key = dates.date_key
