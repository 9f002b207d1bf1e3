{{/* The environment of the processes: the same variables that the local stack sets (libs/synthoscope/local). */}}

{{- define "synthoscope.env.fromSecret" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef: {name: {{ .secret }}, key: {{ .key }}}
{{- end }}

{{- define "synthoscope.env.objects" -}}
{{- $store := .Values.objectStore -}}
{{- $secret := include "synthoscope.secret.objects" . -}}
- {name: SYNTHOSCOPE_OBJECTS__ENDPOINT, value: {{ include "synthoscope.objects.endpoint" . | quote }}}
- {name: SYNTHOSCOPE_OBJECTS__SECURE, value: {{ and $store.secure (ne $store.endpoint "") | quote }}}
- {name: SYNTHOSCOPE_OBJECTS__REGION, value: {{ $store.region | quote }}}
- {name: SYNTHOSCOPE_OBJECTS__BUCKET, value: {{ $store.bucket | quote }}}
{{ include "synthoscope.env.fromSecret" (dict "name" "SYNTHOSCOPE_OBJECTS__ACCESS_KEY" "secret" $secret
  "key" "access-key") }}
{{ include "synthoscope.env.fromSecret" (dict "name" "SYNTHOSCOPE_OBJECTS__SECRET_KEY" "secret" $secret
  "key" "secret-key") }}
{{- end }}

{{- define "synthoscope.env.redis" -}}
- {name: SYNTHOSCOPE_REDIS__HOST, value: {{ include "synthoscope.redis.host" . | quote }}}
- {name: SYNTHOSCOPE_REDIS__PORT, value: {{ include "synthoscope.redis.port" . | quote }}}
- {name: SYNTHOSCOPE_REDIS__TLS, value: {{ and .Values.redis.tls (ne .Values.redis.host "") | quote }}}
{{ include "synthoscope.env.fromSecret" (dict "name" "SYNTHOSCOPE_REDIS__PASSWORD"
  "secret" (include "synthoscope.secret.redis" .) "key" "redis-password") }}
{{- end }}

{{- define "synthoscope.env.server" -}}
{{- $server := .Values.server -}}
- {name: SYNTHOSCOPE_SERVER__HOST, value: 0.0.0.0}
- {name: SYNTHOSCOPE_SERVER__PORT, value: "50051"}
- {name: SYNTHOSCOPE_SERVER__METRICS_HOST, value: 0.0.0.0}
- {name: SYNTHOSCOPE_SERVER__METRICS_PORT, value: "9090"}
- {name: SYNTHOSCOPE_SERVER__TOKENS_FILE, value: /etc/synthoscope/tokens/tokens.json}
- {name: SYNTHOSCOPE_SERVER__DRAIN_SECONDS, value: {{ $server.drainSeconds | quote }}}
- {name: SYNTHOSCOPE_SERVER__CALLS_PER_SECOND, value: {{ $server.callsPerSecond | quote }}}
{{- with .Values.tokens.jwt }}
{{- if .jwks }}
- {name: SYNTHOSCOPE_SERVER__JWT__JWKS, value: {{ .jwks | quote }}}
- {name: SYNTHOSCOPE_SERVER__JWT__ISSUER, value: {{ .issuer | quote }}}
- {name: SYNTHOSCOPE_SERVER__JWT__AUDIENCE, value: {{ .audience | quote }}}
{{- end }}
{{- end }}
{{- if include "synthoscope.secret.tls" . }}
- {name: SYNTHOSCOPE_SERVER__TLS_CERTIFICATE, value: /etc/synthoscope/tls/tls.crt}
- {name: SYNTHOSCOPE_SERVER__TLS_KEY, value: /etc/synthoscope/tls/tls.key}
{{- if $server.tls.clientCertificates }}
- {name: SYNTHOSCOPE_SERVER__TLS_CLIENT_CA, value: /etc/synthoscope/tls/ca.crt}
{{- end }}
{{- end }}
{{- end }}

{{/* Who may speak to Ray: its nodes, and the services that hand it jobs. */}}
{{- define "synthoscope.env.rayToken" -}}
- {name: RAY_AUTH_MODE, value: token}
{{ include "synthoscope.env.fromSecret" (dict "name" "RAY_AUTH_TOKEN"
  "secret" (include "synthoscope.secret.rayToken" .) "key" "auth_token") }}
- {name: RAY_USAGE_STATS_ENABLED, value: "0"}
{{- end }}

{{/* How services hand jobs to Ray. */}}
{{- define "synthoscope.env.ray" -}}
{{ include "synthoscope.env.rayToken" . }}
- {name: SYNTHOSCOPE_RAY__DASHBOARD_URL, value: "http://{{ include "synthoscope.ray.head" . }}:8265"}
- {name: SYNTHOSCOPE_RAY__STORAGE_BUCKET, value: {{ .Values.objectStore.rayBucket | quote }}}
- {name: SYNTHOSCOPE_RAY__MAX_RUNNING_JOBS, value: {{ .Values.ray.jobs.maxRunning | quote }}}
- {name: SYNTHOSCOPE_RAY__MAX_WORKERS, value: {{ .Values.ray.jobs.maxWorkers | quote }}}
{{- end }}

{{/* What jobs are told, which have the environment of the node they run on. They alone know the keys of the bucket for
     Ray's own state. */}}
{{- define "synthoscope.env.rayNode" -}}
{{- $jobs := .Values.ray.jobs -}}
{{- $secret := include "synthoscope.secret.objects" . -}}
{{ include "synthoscope.env.rayToken" . }}
- {name: SYNTHOSCOPE_RAY__WORKER_CPUS, value: {{ $jobs.workerCpus | quote }}}
- {name: SYNTHOSCOPE_RAY__WORKER_GPUS, value: {{ $jobs.workerGpus | quote }}}
- {name: SYNTHOSCOPE_RAY__WORKER_THREADS, value: {{ $jobs.workerThreads | quote }}}
- {name: SYNTHOSCOPE_RAY__WORKER_RETRIES, value: {{ $jobs.workerRetries | quote }}}
- {name: SYNTHOSCOPE_RAY__STORAGE_BUCKET, value: {{ .Values.objectStore.rayBucket | quote }}}
{{ include "synthoscope.env.fromSecret" (dict "name" "SYNTHOSCOPE_RAY__STORAGE_ACCESS_KEY" "secret" $secret
  "key" "ray-access-key") }}
{{ include "synthoscope.env.fromSecret" (dict "name" "SYNTHOSCOPE_RAY__STORAGE_SECRET_KEY" "secret" $secret
  "key" "ray-secret-key") }}
{{- with $jobs.weightsUrl }}
- {name: SYNTHOSCOPE_WEIGHTS_URL, value: {{ . | quote }}}
{{- end }}
{{- end }}

{{- define "synthoscope.env.serve" -}}
{{- $serve := .Values.ray.serve -}}
- {name: RAY_ADDRESS, value: "{{ include "synthoscope.ray.head" . }}:6379"}
- {name: SYNTHOSCOPE_SERVE__REPLICAS, value: {{ $serve.replicas | quote }}}
- {name: SYNTHOSCOPE_SERVE__MOST_REPLICAS, value: {{ $serve.mostReplicas | quote }}}
- {name: SYNTHOSCOPE_SERVE__CPUS, value: {{ $serve.cpus | quote }}}
- {name: SYNTHOSCOPE_SERVE__GPUS, value: {{ $serve.gpus | quote }}}
- {name: SYNTHOSCOPE_SERVE__THREADS, value: {{ $serve.threads | quote }}}
- {name: SYNTHOSCOPE_SERVE__START_SECONDS, value: {{ $serve.startSeconds | quote }}}
{{- /* Beside Ray's workers' ports, in the range that nodes may reach of each other. */}}
- {name: SYNTHOSCOPE_SERVE__FIRST_LINE_PORT, value: "10900"}
- {name: SYNTHOSCOPE_SERVE__LAST_LINE_PORT, value: "10999"}
{{- end }}

{{- define "synthoscope.env.pseudonyms" -}}
{{ include "synthoscope.env.fromSecret" (dict "name" "SYNTHOSCOPE_PSEUDONYM_KEY"
  "secret" (include "synthoscope.secret.pseudonyms" .) "key" "pseudonym-key") }}
{{- end }}

{{/* Of every process: the root file system cannot be written, so what is written goes to /tmp. */}}
{{- define "synthoscope.env.process" -}}
- {name: HOME, value: /tmp}
- {name: PYTHONUNBUFFERED, value: "1"}
{{- end }}
