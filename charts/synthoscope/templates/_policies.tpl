{{/* Network policies. Pods are named by their component. */}}

{{- define "synthoscope.policy" -}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "synthoscope.metadata" (dict "root" .root "component" .name) | nindent 2 }}
spec:
  podSelector:
    {{- include "synthoscope.policy.pods" (dict "root" .root "components" .components) | nindent 4 }}
  {{- .spec | nindent 2 }}
{{- end }}

{{/* Pods of some components; of none: all of the release. */}}
{{- define "synthoscope.policy.pods" -}}
matchLabels:
  app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .components }}
matchExpressions:
  - {key: app.kubernetes.io/component, operator: In, values: [{{ join ", " . }}]}
{{- end }}
{{- end }}

{{- define "synthoscope.policy.ports" -}}
{{- range .ports }}
- {port: {{ . }}, protocol: TCP}
{{- end }}
{{- with .range }}
- {port: {{ index . 0 }}, endPort: {{ index . 1 }}, protocol: TCP}
{{- end }}
{{- end }}

{{/* Components that may be reached by peers given in values. */}}
{{- define "synthoscope.policy.ingress" -}}
{{- $rule := printf "policyTypes: [Ingress]\ningress:\n  - from:\n%s\n    ports:%s" (toYaml .peers | indent 6)
  (include "synthoscope.policy.ports" . | indent 6) -}}
{{- include "synthoscope.policy" (dict "root" .root "name" .name "components" .to "spec" $rule) }}
{{- end }}

{{/* Components that may call what a rule says. */}}
{{- define "synthoscope.policy.egress" -}}
{{- $rule := printf "policyTypes: [Egress]\negress:\n%s" (list .rule | toYaml | indent 2) -}}
{{- include "synthoscope.policy" (dict "root" .root "name" .name "components" .from "spec" $rule) }}
{{- end }}

{{/* A flow between components: two policies, one for each end. */}}
{{- define "synthoscope.policy.flow" -}}
{{- $ports := include "synthoscope.policy.ports" . | indent 6 -}}
{{- $from := include "synthoscope.policy.pods" (dict "root" .root "components" .from) | indent 10 -}}
{{- $to := include "synthoscope.policy.pods" (dict "root" .root "components" .to) | indent 10 -}}
{{- $in := printf "policyTypes: [Ingress]\ningress:\n  - from:\n      - podSelector:\n%s\n    ports:%s" $from $ports -}}
{{- $out := printf "policyTypes: [Egress]\negress:\n  - to:\n      - podSelector:\n%s\n    ports:%s" $to $ports -}}
{{ include "synthoscope.policy" (dict "root" .root "name" (printf "to-%s" .name) "components" .to "spec" $in) }}
{{ include "synthoscope.policy" (dict "root" .root "name" (printf "from-%s" .name) "components" .from "spec" $out) }}
{{- end }}
