{{/* Where a node of the Ray cluster listens, as options of `ray start`. Fixed, so that network policies can name them.
     The runtime environments' agent is used within a node only. */}}
{{- define "synthoscope.ray.ports" -}}
node-manager-port: "6380"
object-manager-port: "6381"
runtime-env-agent-port: "6382"
dashboard-agent-grpc-port: "6383"
dashboard-agent-listen-port: "52365"
metrics-export-port: "8080"
min-worker-port: "10002"
max-worker-port: "10899"
{{- end }}

{{/* A RayCluster. root; generation; tag, of its images; upgradeStrategy. */}}
{{- define "synthoscope.ray.clusterObject" -}}
{{- $root := .root -}}
{{- $ray := $root.Values.ray -}}
{{- $context := merge (dict "component" "ray") . -}}
apiVersion: ray.io/v1
kind: RayCluster
metadata:
  name: {{ include "synthoscope.ray.cluster" . }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "synthoscope.labels" $context | nindent 4 }}
spec:
  rayVersion: {{ $ray.version | quote }}
  upgradeStrategy: {type: {{ .upgradeStrategy }}}
  authOptions:
    mode: token
    secretName: {{ include "synthoscope.secret.rayToken" $root }}
  {{- if $ray.gcsFaultTolerance.enabled }}
  gcsFaultToleranceOptions:
    redisAddress: {{ include "synthoscope.rayRedis.address" $root | quote }}
    redisPassword:
      valueFrom:
        secretKeyRef: {name: {{ include "synthoscope.secret.rayRedis" $root }}, key: redis-password}
  {{- end }}
  enableInTreeAutoscaling: {{ $ray.autoscaling.enabled }}
  {{- if $ray.autoscaling.enabled }}
  autoscalerOptions:
    version: v2
    idleTimeoutSeconds: {{ $ray.autoscaling.idleTimeoutSeconds }}
    upscalingMode: {{ $ray.autoscaling.upscalingMode }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    resources:
      {{- toYaml $ray.autoscaling.resources | nindent 6 }}
    securityContext:
      {{- include "synthoscope.containerSecurityContext" $root | nindent 6 }}
    env:
      {{- include "synthoscope.env.process" $root | nindent 6 }}
      {{- include "synthoscope.env.rayToken" $root | nindent 6 }}
    volumeMounts:
      - {name: autoscaler-tmp, mountPath: /tmp}
      # The only container that speaks to Kubernetes: the rest of the head's pod has no token.
      - {name: kubernetes, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
  {{- end }}
  headGroupSpec:
    rayStartParams:
      dashboard-host: 0.0.0.0
      num-cpus: "0"
      object-store-memory: {{ $ray.head.objectStoreMemory | int64 | quote }}
      {{- include "synthoscope.ray.ports" $root | nindent 6 }}
    template:
      {{- include "synthoscope.ray.pod" (merge (dict "component" "ray-head" "group" $ray.head "image" "ray") .)
        | nindent 6 }}
  workerGroupSpecs:
    {{- $cpu := dict "component" "ray-worker" "name" "cpu" "group" $ray.cpuWorkers "image" "ray" -}}
    {{- include "synthoscope.ray.workers" (merge $cpu .) | nindent 4 }}
    {{- if $ray.gpuWorkers.maxReplicas }}
    {{- $gpu := dict "component" "ray-worker" "name" "gpu" "group" $ray.gpuWorkers "image" "ray-gpu" -}}
    {{- include "synthoscope.ray.workers" (merge $gpu .) | nindent 4 }}
    {{- end }}
{{- end }}

{{- define "synthoscope.ray.workers" -}}
{{- $group := .group -}}
- groupName: {{ .name }}
  # How many there are is the autoscaler's to say.
  {{- if not .root.Values.ray.autoscaling.enabled }}
  replicas: {{ $group.minReplicas }}
  {{- end }}
  minReplicas: {{ $group.minReplicas }}
  maxReplicas: {{ $group.maxReplicas }}
  {{- if .root.Values.ray.autoscaling.enabled }}
  idleTimeoutSeconds: {{ $group.idleTimeoutSeconds }}
  {{- end }}
  rayStartParams:
    object-store-memory: {{ $group.objectStoreMemory | int64 | quote }}
    {{- with $group.gpus }}
    num-gpus: {{ . | quote }}
    {{- end }}
    {{- include "synthoscope.ray.ports" .root | nindent 4 }}
  template:
    {{- include "synthoscope.ray.pod" . | nindent 4 }}
{{- end }}

{{/* The pod of a node. KubeRay adds the command, and to the head the autoscaler. */}}
{{- define "synthoscope.ray.pod" -}}
{{- $root := .root -}}
{{- $group := .group -}}
{{- $head := eq .component "ray-head" -}}
{{- $name := .name | default "head" -}}
metadata:
  {{- include "synthoscope.podMetadata" . | nindent 2 }}
spec:
  {{- if not $head }}
  serviceAccountName: {{ include "synthoscope.fullname" $root }}
  {{- end }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  securityContext:
    {{- include "synthoscope.podSecurityContext" $root | nindent 4 }}
  {{- with $root.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $group.runtimeClassName }}
  runtimeClassName: {{ . }}
  {{- end }}
  {{- with $group.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $group.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $group.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if not $head }}
  topologySpreadConstraints:
  {{- with $group.topologySpreadConstraints }}
    {{- toYaml . | nindent 4 }}
  {{- else }}
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "synthoscope.selector" . | nindent 10 }}
          ray.io/group: {{ $name }}
  {{- end }}
  {{- end }}
  terminationGracePeriodSeconds: 60
  containers:
    - name: {{ .component }}
      image: {{ include "synthoscope.image" (dict "root" $root "component" .image "tag" .tag) }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      env:
        {{- include "synthoscope.env.process" $root | nindent 8 }}
        {{- include "synthoscope.env.objects" $root | nindent 8 }}
        {{- include "synthoscope.env.redis" $root | nindent 8 }}
        {{- include "synthoscope.env.rayNode" $root | nindent 8 }}
        - {name: SYNTHOSCOPE_CACHE_DIR, value: /var/cache/synthoscope}
        - {name: SYNTHOSCOPE_CACHE_BYTES, value: {{ mul 966367641 ($group.cacheGibibytes | default 10) | quote }}}
        # Torch's threads spin while they wait for each other, and collapse when several processes share the cores.
        - {name: OMP_WAIT_POLICY, value: PASSIVE}
      ports:
        {{- if $head }}
        - {name: gcs-server, containerPort: 6379}
        - {name: dashboard, containerPort: 8265}
        - {name: as-metrics, containerPort: 44217}
        - {name: dash-metrics, containerPort: 44227}
        {{- end }}
        - {name: metrics, containerPort: 8080}
      # In place of KubeRay's own, which need bash and wget in the image. Neither path asks for the token.
      startupProbe:
        httpGet: {path: /api/local_raylet_healthz, port: 52365}
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: 60
      readinessProbe:
        httpGet:
          {{- if $head }}
          path: /api/gcs_healthz
          port: dashboard
          {{- else }}
          path: /api/local_raylet_healthz
          port: 52365
          {{- end }}
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: 10
      livenessProbe:
        httpGet: {path: /api/local_raylet_healthz, port: 52365}
        periodSeconds: 10
        timeoutSeconds: 10
        failureThreshold: 12
      resources:
        requests:
          {{- toYaml $group.resources.requests | nindent 10 }}
          {{- with $group.gpus }}
          {{ $group.gpuResource }}: {{ . }}
          {{- end }}
        limits:
          {{- toYaml $group.resources.limits | nindent 10 }}
          {{- with $group.gpus }}
          {{ $group.gpuResource }}: {{ . }}
          {{- end }}
      securityContext:
        {{- include "synthoscope.containerSecurityContext" $root | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        - {name: cache, mountPath: /var/cache/synthoscope}
        - {name: shared-mem, mountPath: /dev/shm}
  volumes:
    - {name: tmp, emptyDir: {sizeLimit: 20Gi}}
    - {name: cache, emptyDir: {sizeLimit: {{ $group.cacheGibibytes | default 10 }}Gi}}
    # A little more than the object store, which lies in it.
    - {name: shared-mem, emptyDir: {medium: Memory, sizeLimit: {{ div (mul $group.objectStoreMemory 12) 10 | quote }}}}
    {{- if and $head $root.Values.ray.autoscaling.enabled }}
    - {name: autoscaler-tmp, emptyDir: {sizeLimit: 1Gi}}
    - name: kubernetes
      projected:
        sources:
          - serviceAccountToken: {path: token, expirationSeconds: 3600}
          - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
    {{- end }}
{{- end }}
