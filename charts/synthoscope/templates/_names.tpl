{{/* The release's name, short enough for what Kubernetes and KubeRay put after it. */}}
{{- define "synthoscope.fullname" -}}
{{- $name := ternary .Release.Name (printf "%s-synthoscope" .Release.Name) (contains "synthoscope" .Release.Name) -}}
{{- $name | trunc 35 | trimSuffix "-" -}}
{{- end }}

{{/* The labels by which a component's pods are found. KubeRay's head service is found by app.kubernetes.io/name, which
     KubeRay sets on Ray's pods, so that one is none of them. */}}
{{- define "synthoscope.selector" -}}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "synthoscope.labels" -}}
{{ include "synthoscope.selector" . }}
app.kubernetes.io/part-of: synthoscope
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- define "synthoscope.metadata" -}}
name: {{ include "synthoscope.fullname" .root }}-{{ .component }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "synthoscope.labels" . | nindent 2 }}
{{- end }}

{{/* An image of ours: of a component, by digest where one is given, else by tag. */}}
{{- define "synthoscope.image" -}}
{{- $image := .root.Values.image -}}
{{- $name := printf "%s-%s" $image.repository .component -}}
{{- $digest := get $image.digests .component -}}
{{- include "synthoscope.imageName" (dict "registry" $image.registry "repository" $name "digest" $digest
  "tag" (.tag | default $image.tag | default .root.Chart.AppVersion)) -}}
{{- end }}

{{- define "synthoscope.imageName" -}}
{{- with .registry }}{{ . }}/{{ end -}}
{{- .repository -}}
{{- if .digest }}@{{ .digest }}{{ else }}:{{ .tag }}{{ end -}}
{{- end }}

{{/* Names of the secrets, given or made by the chart. */}}
{{- define "synthoscope.secret.tokens" -}}
{{ .Values.tokens.existingSecret | default (printf "%s-tokens" (include "synthoscope.fullname" .)) }}
{{- end }}
{{- define "synthoscope.secret.pseudonyms" -}}
{{ .Values.pseudonyms.existingSecret | default (printf "%s-pseudonyms" (include "synthoscope.fullname" .)) }}
{{- end }}
{{- define "synthoscope.secret.objects" -}}
{{ .Values.objectStore.existingSecret | default (printf "%s-object-store" (include "synthoscope.fullname" .)) }}
{{- end }}
{{- define "synthoscope.secret.redis" -}}
{{ .Values.redis.existingSecret | default (printf "%s-redis" (include "synthoscope.fullname" .)) }}
{{- end }}
{{- define "synthoscope.secret.rayRedis" -}}
{{ .Values.ray.gcsFaultTolerance.redis.existingSecret
  | default (printf "%s-ray-redis" (include "synthoscope.fullname" .)) }}
{{- end }}
{{- define "synthoscope.secret.rayToken" -}}
{{ .Values.ray.auth.existingSecret | default (printf "%s-ray-token" (include "synthoscope.fullname" .)) }}
{{- end }}
{{- define "synthoscope.secret.tls" -}}
{{- if .Values.server.tls.certManager.enabled -}}
{{ include "synthoscope.fullname" . }}-tls
{{- else -}}
{{ .Values.server.tls.existingSecret }}
{{- end -}}
{{- end }}

{{/* Where things are, as host or host:port. */}}
{{- define "synthoscope.objects.endpoint" -}}
{{ .Values.objectStore.endpoint
  | default (printf "%s-object-store.%s.svc:8333" (include "synthoscope.fullname" .) .Release.Namespace) }}
{{- end }}
{{- define "synthoscope.redis.host" -}}
{{ .Values.redis.host | default (printf "%s-redis.%s.svc" (include "synthoscope.fullname" .) .Release.Namespace) }}
{{- end }}
{{- define "synthoscope.redis.port" -}}
{{ ternary .Values.redis.port 6379 (ne .Values.redis.host "") }}
{{- end }}
{{- define "synthoscope.rayRedis.address" -}}
{{ .Values.ray.gcsFaultTolerance.redis.address
  | default (printf "%s-ray-redis.%s.svc:6379" (include "synthoscope.fullname" .) .Release.Namespace) }}
{{- end }}
{{- define "synthoscope.rayRedis.bundled" -}}
{{- $ft := .Values.ray.gcsFaultTolerance -}}
{{- if and $ft.enabled (not $ft.redis.address) }}true{{ end -}}
{{- end }}

{{/* The Ray cluster of a generation, and its head, as KubeRay names it. */}}
{{- define "synthoscope.ray.cluster" -}}
{{ include "synthoscope.fullname" .root }}-ray{{ with .generation }}-{{ . }}{{ end }}
{{- end }}
{{- define "synthoscope.ray.head" -}}
{{- $cluster := include "synthoscope.ray.cluster" (dict "root" . "generation" .Values.ray.generation) -}}
{{ $cluster }}-head-svc.{{ .Release.Namespace }}.svc
{{- end }}
