-- Argo CD: health of a FlowTraining, for argocd-cm under resource.customizations.health.flowtraining.dev_FlowTraining
local health = {status = "Progressing", message = "waiting for the operator"}
if obj.metadata.deletionTimestamp ~= nil then
  health.message = "being deleted"
  return health
end
if obj.status == nil or obj.status.conditions == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return health
end
local conditions = {}
for _, condition in ipairs(obj.status.conditions) do
  conditions[condition.type] = condition
end
local function holds(type)
  return conditions[type] ~= nil and conditions[type].status == "True"
end
if conditions.Ready ~= nil and conditions.Ready.message ~= nil then
  health.message = conditions.Ready.message
end
if holds("Stalled") then
  health.status = "Degraded"
elseif holds("Suspended") then
  health.status = "Suspended"
elseif holds("Ready") and not holds("Reconciling") then
  health.status = "Healthy"
end
return health
