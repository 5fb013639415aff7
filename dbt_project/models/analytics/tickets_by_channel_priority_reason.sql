-- grain: one row per channel, priority and reason that have tickets together
with

tickets as (
    select * from {{ ref('fact_ticket') }}
),

channels as (
    select * from {{ ref('dim_channel') }}
),

priorities as (
    select * from {{ ref('dim_priority') }}
),

reasons as (
    select * from {{ ref('dim_reason') }}
),

grouped as (
    select
        channel_id,
        priority_id,
        reason_id,
        {{ ticket_measures() }}
    from tickets
    group by channel_id, priority_id, reason_id
)

select
    grouped.channel_id,
    channels.channel_name,
    grouped.priority_id,
    priorities.priority_code,
    priorities.priority_name,
    grouped.reason_id,
    reasons.reason_name,
    reasons.reason_category,
    {{ ticket_measure_columns('grouped') }}
from grouped
inner join channels on grouped.channel_id = channels.channel_id
inner join priorities on grouped.priority_id = priorities.priority_id
inner join reasons on grouped.reason_id = reasons.reason_id
