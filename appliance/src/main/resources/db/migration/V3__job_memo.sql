-- What a job writes down for its own next attempt, should the appliance die under it.
alter table job add column memo_json clob;
