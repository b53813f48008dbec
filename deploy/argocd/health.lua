-- Health of a custom resource of portolan.dev in Argo CD, from the conditions that the hub writes back.
local function find(conditions, wanted)
  for _, condition in ipairs(conditions or {}) do
    if condition.type == wanted then
      return condition
    end
  end
  return nil
end

local status = obj.status or {}
if obj.metadata.deletionTimestamp ~= nil then
  return { status = "Progressing", message = "The hub is removing it" }
end
if status.observedGeneration == nil then
  return { status = "Progressing", message = "The hub has not looked at it yet" }
end
if obj.metadata.generation ~= nil and status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "The hub has not looked at the last change yet" }
end
local stalled = find(status.conditions, "Stalled")
if stalled ~= nil and stalled.status == "True" then
  -- A change that waits for an admin does no harm: what was before still serves.
  if stalled.reason == "GuardHeld" then
    return { status = "Suspended", message = stalled.message }
  end
  return { status = "Degraded", message = stalled.message }
end
local reconciling = find(status.conditions, "Reconciling")
if reconciling ~= nil and reconciling.status == "True" then
  return { status = "Progressing", message = reconciling.message }
end
local ready = find(status.conditions, "Ready")
if ready ~= nil and ready.status == "True" then
  return { status = "Healthy", message = ready.message }
end
return { status = "Progressing", message = ready ~= nil and ready.message or "The hub has not said yet whether it is ready" }
