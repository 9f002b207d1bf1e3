{{/* One of the five services: its Deployment, its Service, and what keeps it available.

     root; component, its name; needs, what of _environment.tpl it needs besides the stores. */}}
{{- define "synthoscope.service" -}}
{{- $values := get .root.Values.services .component -}}
{{- $context := merge (dict "values" $values) . -}}
{{- include "synthoscope.deployment" (merge (dict "module" (printf "services.%s" .component) "serves" true
  "drainSeconds" .root.Values.server.drainSeconds) $context) }}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "synthoscope.metadata" . | nindent 2 }}
spec:
  selector:
    {{- include "synthoscope.selector" . | nindent 4 }}
  ports:
    - {name: grpc, port: 50051, targetPort: grpc, appProtocol: kubernetes.io/h2c}
    - {name: metrics, port: 9090, targetPort: metrics}
{{- if $values.autoscaling.enabled }}
---
{{ include "synthoscope.autoscaler" $context }}
{{- end }}
---
{{ include "synthoscope.disruptionBudget" . }}
{{- end }}

{{/* The Deployment of a process. values: its part of the values; module: what Python runs; serves: whether it listens
     for calls; drainSeconds: what it takes to stop; scaled: whether something else sets the replicas. */}}
{{- define "synthoscope.deployment" -}}
{{- $root := .root -}}
{{- $edge := has "serve" .needs -}}
{{- $scaled := or .scaled (dig "autoscaling" "enabled" false .values) -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "synthoscope.metadata" . | nindent 2 }}
spec:
  {{- if not $scaled }}
  replicas: {{ .values.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  # An edge that waits for a new cluster is no failure.
  progressDeadlineSeconds: {{ ternary (add $root.Values.ray.serve.startSeconds 600) 600 $edge }}
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  selector:
    matchLabels:
      {{- include "synthoscope.selector" . | nindent 6 }}
  template:
    metadata:
      {{- include "synthoscope.podMetadata" . | nindent 6 }}
    spec:
      {{- include "synthoscope.pod" . | nindent 6 }}
      # Longer than the pause before it is told to stop and what it takes then.
      terminationGracePeriodSeconds: {{ add $root.Values.server.preStopSeconds .drainSeconds 15 }}
      containers:
        - name: {{ .component }}
          image: {{ include "synthoscope.image" (dict "root" $root "component" (.image | default .component)) }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          {{- if $edge }}
          # A process with a Serve handle needs a raylet that it can see, so both are in one container: docs/topology.md.
          command: [/bin/sh, -ec]
          args:
            - >-
              python -m ray.scripts.scripts start --address="$RAY_ADDRESS" --node-ip-address="$POD_IP"
              --num-cpus=0 --memory=1 --object-store-memory=200000000 --disable-usage-stats
              {{- range $name, $value := fromYaml (include "synthoscope.ray.ports" $root) }}
              --{{ $name }}={{ $value }}
              {{- end }}
              && exec python -m {{ .module }}
          {{- else }}
          command: [python, -m, {{ .module }}]
          {{- end }}
          env:
            {{- include "synthoscope.env.process" $root | nindent 12 }}
            {{- include "synthoscope.env.server" $root | nindent 12 }}
            {{- include "synthoscope.env.objects" $root | nindent 12 }}
            {{- include "synthoscope.env.redis" $root | nindent 12 }}
            {{- range .needs }}
            {{- include (printf "synthoscope.env.%s" .) $root | nindent 12 }}
            {{- end }}
            {{- if $edge }}
            - name: POD_IP
              valueFrom: {fieldRef: {fieldPath: status.podIP}}
            {{- end }}
            {{- range $name, $value := .values.environment }}
            - {name: {{ $name }}, value: {{ $value | quote }}}
            {{- end }}
          ports:
            {{- if .serves }}
            - {name: grpc, containerPort: 50051}
            {{- end }}
            - {name: metrics, containerPort: 9090}
          {{- if .serves }}
          startupProbe:
            {{- include "synthoscope.probe" $root | nindent 12 }}
            periodSeconds: 5
            timeoutSeconds: 5
            failureThreshold: {{ ternary (add (div $root.Values.ray.serve.startSeconds 5) 24) 24 $edge }}
          # Health follows what the process depends on: a reason to send calls elsewhere, none to start it again.
          readinessProbe:
            {{- include "synthoscope.probe" $root | nindent 12 }}
            periodSeconds: 5
            timeoutSeconds: 5
            failureThreshold: 2
          livenessProbe:
            tcpSocket: {port: grpc}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          {{- else }}
          livenessProbe:
            httpGet: {path: /metrics, port: metrics}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 12
          {{- end }}
          lifecycle:
            preStop:
              sleep: {seconds: {{ $root.Values.server.preStopSeconds }}}
          resources:
            {{- toYaml .values.resources | nindent 12 }}
          securityContext:
            {{- include "synthoscope.containerSecurityContext" $root | nindent 12 }}
          volumeMounts:
            - {name: tmp, mountPath: /tmp}
            - {name: tokens, mountPath: /etc/synthoscope/tokens, readOnly: true}
            {{- if include "synthoscope.secret.tls" $root }}
            - {name: tls, mountPath: /etc/synthoscope/tls, readOnly: true}
            - {name: probe, mountPath: /etc/synthoscope/probe, readOnly: true}
            {{- end }}
            {{- if $edge }}
            - {name: shared-memory, mountPath: /dev/shm}
            {{- end }}
      volumes:
        - {name: tmp, emptyDir: {sizeLimit: 10Gi}}
        - name: tokens
          secret:
            secretName: {{ include "synthoscope.secret.tokens" $root }}
            items: [{key: tokens.json, path: tokens.json}]
        {{- with include "synthoscope.secret.tls" $root }}
        - {name: tls, secret: {secretName: {{ . }}}}
        - {name: probe, configMap: {name: {{ include "synthoscope.fullname" $root }}-probe}}
        {{- end }}
        {{- if $edge }}
        - {name: shared-memory, emptyDir: {medium: Memory, sizeLimit: 256Mi}}
        {{- end }}
{{- end }}

{{/* Kubernetes' own gRPC probe speaks no TLS. */}}
{{- define "synthoscope.probe" -}}
{{- if include "synthoscope.secret.tls" . -}}
exec:
  command: [python, /etc/synthoscope/probe/health.py, {{ include "synthoscope.fullname" . }}]
{{- else -}}
grpc: {port: 50051}
{{- end -}}
{{- end }}

{{- define "synthoscope.disruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "synthoscope.metadata" . | nindent 2 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      {{- include "synthoscope.selector" . | nindent 6 }}
{{- end }}

{{- define "synthoscope.autoscaler" -}}
{{- $scaling := .values.autoscaling -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "synthoscope.metadata" . | nindent 2 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ include "synthoscope.fullname" .root }}-{{ .component }}
  minReplicas: {{ $scaling.minReplicas }}
  maxReplicas: {{ $scaling.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: {{ $scaling.targetCPU }}}
  behavior:
    # Calls last for seconds, watches for an hour: what came for a peak stays for a while.
    scaleDown: {stabilizationWindowSeconds: 300}
{{- end }}
