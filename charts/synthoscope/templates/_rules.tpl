{{/* Alerts. Diagnoses have a budget of errors: what 1 - availability leaves of 30 days. Alerts fire when it burns so fast
     that two hundredths of it are gone in an hour, or a tenth in three days, over a long window and a short one, so that
     they end soon after the cause has. */}}
{{- define "synthoscope.rules" -}}
{{- $monitoring := .Values.monitoring -}}
{{- $mine := printf `namespace="%s"` .Release.Namespace -}}
{{- $diagnoses := printf `grpc_service=~"synthoscope.api.classification.v1.DiagnosisService|inference.GRPCInferenceService",grpc_method=~"Diagnose|ModelInfer",%s` $mine -}}
{{- $bad := `grpc_code=~"UNAVAILABLE|INTERNAL|UNKNOWN|DEADLINE_EXCEEDED|DATA_LOSS|RESOURCE_EXHAUSTED"` -}}
{{- $budget := subf 1.0 (float64 $monitoring.availability) -}}
groups:
  - name: synthoscope-diagnoses
    rules:
      {{- range $window := list "5m" "1h" "6h" "3d" }}
      - record: synthoscope:diagnosis_errors:ratio_rate{{ $window }}
        expr: >-
          sum(rate(grpc_server_handled_total{ {{- $diagnoses }},{{ $bad -}} }[{{ $window }}]))
          / sum(rate(grpc_server_handled_total{ {{- $diagnoses -}} }[{{ $window }}]))
      - record: synthoscope:diagnosis_slow:ratio_rate{{ $window }}
        expr: >-
          1 - sum(rate(grpc_server_handling_seconds_bucket{ {{- $diagnoses }},le="{{ include "synthoscope.bucket" $monitoring.latencySeconds }}"}[{{ $window }}]))
          / sum(rate(grpc_server_handling_seconds_count{ {{- $diagnoses -}} }[{{ $window }}]))
      {{- end }}
      {{- range $kind, $what := dict "errors" (dict "name" "DiagnosesFail" "budget" $budget "says" "Diagnoses fail")
        "slow" (dict "name" "DiagnosesAreSlow" "budget" 0.01 "says" "Diagnoses are slow") }}
      - alert: Synthoscope{{ $what.name }}
        expr: >-
          synthoscope:diagnosis_{{ $kind }}:ratio_rate1h > {{ mulf 14.4 $what.budget }}
          and synthoscope:diagnosis_{{ $kind }}:ratio_rate5m > {{ mulf 14.4 $what.budget }}
        labels: {severity: critical}
        annotations:
          summary: {{ $what.says }} so often that the month's budget is gone in two days
          runbook: docs/kubernetes.md#alerts
      - alert: Synthoscope{{ $what.name }}Slowly
        expr: >-
          synthoscope:diagnosis_{{ $kind }}:ratio_rate3d > {{ $what.budget }}
          and synthoscope:diagnosis_{{ $kind }}:ratio_rate6h > {{ $what.budget }}
        for: 1h
        labels: {severity: warning}
        annotations:
          summary: {{ $what.says }} more often than the month's budget allows
          runbook: docs/kubernetes.md#alerts
      {{- end }}
  - name: synthoscope
    rules:
      - alert: SynthoscopeDependencyAway
        expr: >-
          min by (namespace, pod, dependency) (synthoscope_dependency_up{ {{- $mine -}} }) == 0
        for: 2m
        labels: {severity: critical}
        annotations:
          summary: {{ `{{ $labels.pod }} does not reach {{ $labels.dependency }}` | quote }}
          runbook: docs/kubernetes.md#alerts
      - alert: SynthoscopeExplanationsWait
        expr: >-
          max(synthoscope_explanation_queue_length{ {{- $mine -}} }) > 10 * {{ .Values.explanationWorker.keda.queueLength }}
        for: 15m
        labels: {severity: warning}
        annotations:
          summary: {{ `{{ $value }} explanations wait` | quote }}
          runbook: docs/kubernetes.md#alerts
      - alert: SynthoscopeExplanationWorkersStuck
        expr: >-
          time() - max(synthoscope_explanation_worker_last_look_seconds{ {{- $mine -}} }) > 300
          and max(synthoscope_explanation_queue_length{ {{- $mine -}} }) > 0
        for: 5m
        labels: {severity: critical}
        annotations:
          summary: No worker has looked at the queue of explanations for five minutes
          runbook: docs/kubernetes.md#alerts
      - alert: SynthoscopeExplanationsGivenUp
        expr: >-
          increase(synthoscope_explanation_tries_total{result="given-up",{{ $mine }}}[1h]) > 0
        labels: {severity: warning}
        annotations:
          summary: Explanations were given up after too many tries
          runbook: docs/kubernetes.md#alerts
      - alert: SynthoscopeImagesDrift
        expr: >-
          max by (namespace, tenant, model, quantity) (synthoscope_drift_index{ {{- $mine -}} }) > 0.25
        for: 1h
        labels: {severity: warning}
        annotations:
          summary: {{ `Images are unlike those that {{ $labels.model }} was trained on` | quote }}
          runbook: docs/kubernetes.md#alerts
      - alert: SynthoscopeTrailWaits
        expr: >-
          max by (namespace, pod) (synthoscope_trail_pending{ {{- $mine -}} }) > 100
        for: 5m
        labels: {severity: critical}
        annotations:
          summary: Entries of the audit trail cannot be stored
          runbook: docs/kubernetes.md#alerts
      - alert: SynthoscopeGpuIdle
        expr: >-
          sum(ray_node_gpus_available{ {{- $mine -}} }) > 0 and avg(ray_node_gpus_utilization{ {{- $mine -}} }) < 5
        for: 1h
        labels: {severity: warning}
        annotations:
          summary: GPU workers run and compute nothing
          runbook: docs/kubernetes.md#alerts
      - alert: SynthoscopeStoreFull
        expr: >-
          kubelet_volume_stats_available_bytes{ {{- $mine }},persistentvolumeclaim=~"data-{{ include "synthoscope.fullname" . }}-.*"}
          / kubelet_volume_stats_capacity_bytes < 0.1
        for: 10m
        labels: {severity: critical}
        annotations:
          summary: {{ `{{ $labels.persistentvolumeclaim }} is nearly full` | quote }}
          runbook: docs/kubernetes.md#alerts
      - alert: SynthoscopeCertificateEnds
        expr: >-
          certmanager_certificate_expiration_timestamp_seconds{ {{- $mine -}} } - time() < 7 * 86400
        for: 1h
        labels: {severity: critical}
        annotations:
          summary: {{ `The certificate {{ $labels.name }} ends within a week` | quote }}
          runbook: docs/kubernetes.md#alerts
{{- end }}

{{/* A number as Prometheus writes it in `le`. */}}
{{- define "synthoscope.bucket" -}}
{{- $text := printf "%v" . -}}
{{- if contains "." $text }}{{ $text }}{{ else }}{{ $text }}.0{{ end -}}
{{- end }}
