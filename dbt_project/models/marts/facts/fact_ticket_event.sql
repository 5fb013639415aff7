-- grain: one row per ticket event
{{
    config(
        unique_key='event_id',
        indexes=[
            {'columns': ['ticket_id']},
            {'columns': ['agent_id', 'date_key']},
            {'columns': ['date_key']},
            {'columns': ['_loaded_at']},
            {'columns': ['_load_id']},
        ],
        post_hook=fact_hooks('fact_ticket_event', 'int_ticket_events_resolved', 'event_id'),
    )
}}

select
    event_id,
    ticket_id,
    agent_id,
    date_key,
    time_key,
    event_ts,
    old_status,
    new_status,
    notes,
    _partition_at,
    _load_id,
    _pruned_at,
    now() as _loaded_at
from {{ ref('int_ticket_events_resolved') }}
where is_loadable
