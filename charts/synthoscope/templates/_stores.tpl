{{/* What the bundled stores have in common. root; component; image, resources, storage, storageClass; port; script, the
     shell script that becomes the server; env. */}}
{{- define "synthoscope.store" -}}
{{- $root := .root -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  {{- include "synthoscope.metadata" . | nindent 2 }}
spec:
  serviceName: {{ include "synthoscope.fullname" $root }}-{{ .component }}
  replicas: 1
  selector:
    matchLabels:
      {{- include "synthoscope.selector" . | nindent 6 }}
  template:
    metadata:
      {{- include "synthoscope.podMetadata" . | nindent 6 }}
    spec:
      {{- include "synthoscope.pod" . | nindent 6 }}
      terminationGracePeriodSeconds: 60
      containers:
        - name: {{ .component }}
          image: {{ include "synthoscope.imageName" .image }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          command: [/bin/sh, -ec]
          args:
            - |
              {{- .script | nindent 14 }}
          env:
            {{- .env | nindent 12 }}
          ports:
            - {name: {{ .portName }}, containerPort: {{ .port }}}
          startupProbe:
            tcpSocket: {port: {{ .portName }}}
            periodSeconds: 2
            failureThreshold: 60
          readinessProbe:
            tcpSocket: {port: {{ .portName }}}
            periodSeconds: 5
          livenessProbe:
            tcpSocket: {port: {{ .portName }}}
            periodSeconds: 10
            failureThreshold: 6
          resources:
            {{- toYaml .resources | nindent 12 }}
          securityContext:
            {{- include "synthoscope.containerSecurityContext" $root | nindent 12 }}
          volumeMounts:
            - {name: data, mountPath: /data}
            - {name: run, mountPath: /run/synthoscope}
            - {name: tmp, mountPath: /tmp}
      volumes:
        # The configuration with its passwords is never on a disk.
        - {name: run, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
        - {name: tmp, emptyDir: {sizeLimit: 1Gi}}
  persistentVolumeClaimRetentionPolicy: {whenDeleted: Retain, whenScaled: Retain}
  volumeClaimTemplates:
    - metadata:
        name: data
        labels:
          {{- include "synthoscope.selector" . | nindent 10 }}
      spec:
        accessModes: [ReadWriteOnce]
        {{- with .storageClass }}
        storageClassName: {{ . }}
        {{- end }}
        resources:
          requests: {storage: {{ .storage }}}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "synthoscope.metadata" . | nindent 2 }}
spec:
  selector:
    {{- include "synthoscope.selector" . | nindent 4 }}
  ports:
    - {name: {{ .portName }}, port: {{ .port }}, targetPort: {{ .portName }}}
---
{{ include "synthoscope.disruptionBudget" . }}
{{- end }}

{{/* Valkey or Redis with a password and an append-only file; when full it refuses and evicts nothing. */}}
{{- define "synthoscope.redis" -}}
{{- $bundled := .root.Values.redis.bundled -}}
{{- $script := `
umask 077
printf '%s\n' 'port 6379' 'bind * -::*' 'protected-mode yes' "requirepass \"$PASSWORD\"" 'dir /data' 'save ""' \
  'appendonly yes' 'appendfsync everysec' "maxmemory $MAX_MEMORY" 'maxmemory-policy noeviction' \
  > /run/synthoscope/server.conf
exec "$(command -v valkey-server || command -v redis-server)" /run/synthoscope/server.conf` -}}
{{- $password := include "synthoscope.env.fromSecret" (dict "name" "PASSWORD" "secret" .secret "key" "redis-password") -}}
{{- $env := printf "%s\n- {name: MAX_MEMORY, value: %s}" $password $bundled.maxMemory -}}
{{- include "synthoscope.store" (merge (dict "image" $bundled.image "resources" $bundled.resources
  "storageClass" $bundled.storageClass "portName" "redis" "port" 6379 "script" (trim $script) "env" $env) .) }}
{{- end }}
