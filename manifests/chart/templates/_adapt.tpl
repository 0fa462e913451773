{{- /* Rights of the whole cluster that an installation in one namespace does without. */ -}}
{{- define "flowtraining.skipped" -}}
{{- if and (not .Values.clusterWide) (eq .object.metadata.name "flowtraining-operator-nodes") }}yes{{ end }}
{{- end }}

{{- /* Changes the object in place. */ -}}
{{- define "flowtraining.adapt" -}}
{{- $object := .object }}
{{- $root := .root }}
{{- if and (not $root.Values.clusterWide) (hasPrefix "ClusterRole" $object.kind) }}
{{- $_ := set $object "kind" (trimPrefix "Cluster" $object.kind) }}
{{- $_ := set $object.metadata "namespace" "" }}
{{- if $object.roleRef }}{{- $_ := set $object.roleRef "kind" "Role" }}{{- end }}
{{- end }}
{{- if hasKey $object.metadata "namespace" }}
{{- $_ := set $object.metadata "namespace" $root.Release.Namespace }}
{{- end }}
{{- range $object.subjects }}
{{- $_ := set . "namespace" $root.Release.Namespace }}
{{- end }}
{{- if eq $object.kind "Deployment" }}
{{- include "flowtraining.deployment" . }}
{{- end }}
{{- end }}

{{- define "flowtraining.deployment" -}}
{{- $values := .root.Values }}
{{- $_ := set .object.spec "replicas" $values.replicas }}
{{- $pod := .object.spec.template.spec }}
{{- range $name := list "imagePullSecrets" "nodeSelector" "tolerations" "affinity" "priorityClassName" }}
{{- with get $values $name }}{{- $_ := set $pod $name . }}{{- end }}
{{- end }}
{{- $operator := first $pod.containers }}
{{- $_ := set $operator "image" $values.image }}
{{- $_ := set $operator "imagePullPolicy" $values.imagePullPolicy }}
{{- $_ := set $operator "resources" $values.resources }}
{{- range $operator.env }}
{{- if eq .name "FLOWTRAINING_TRAINER_IMAGE" }}{{- $_ := set . "value" $values.trainerImage }}{{- end }}
{{- if eq .name "FLOWTRAINING_TENSORBOARD_IMAGE" }}{{- $_ := set . "value" $values.tensorBoardImage }}{{- end }}
{{- end }}
{{- if not $values.clusterWide }}
{{- $watch := dict "name" "QUARKUS_OPERATOR_SDK_NAMESPACES" "value" "JOSDK_WATCH_CURRENT" }}
{{- $_ := set $operator "env" (append $operator.env $watch) }}
{{- end }}
{{- end }}
