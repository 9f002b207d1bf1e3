{{/* Values that contradict each other, which the schema cannot see. */}}
{{- define "synthoscope.checks" -}}
{{- $values := .Values -}}
{{- $ray := $values.ray -}}
{{- range $name, $group := dict "cpuWorkers" $ray.cpuWorkers "gpuWorkers" $ray.gpuWorkers -}}
{{- if gt (int $group.minReplicas) (int $group.maxReplicas) -}}
{{- fail (printf "ray.%s.minReplicas is more than maxReplicas" $name) -}}
{{- end -}}
{{- end -}}
{{- if and (or (gt (float64 $ray.jobs.workerGpus) 0.0) (gt (float64 $ray.serve.gpus) 0.0))
  (eq (int $ray.gpuWorkers.maxReplicas) 0) -}}
{{- fail "ray.jobs.workerGpus or ray.serve.gpus asks for GPUs, and ray.gpuWorkers.maxReplicas is 0" -}}
{{- end -}}
{{- if gt (float64 $ray.jobs.workerGpus) (float64 $ray.gpuWorkers.gpus) -}}
{{- fail "ray.jobs.workerGpus is more than a GPU worker has (ray.gpuWorkers.gpus)" -}}
{{- end -}}
{{- if and $ray.serve.mostReplicas (lt (int $ray.serve.mostReplicas) (int $ray.serve.replicas)) -}}
{{- fail "ray.serve.mostReplicas is less than ray.serve.replicas" -}}
{{- end -}}
{{- range $ray.previous -}}
{{- if eq .generation $ray.generation -}}
{{- fail (printf "ray.previous names the generation %q, which is ray.generation" .generation) -}}
{{- end -}}
{{- end -}}
{{- if and (ne $values.objectStore.endpoint "") (eq $values.objectStore.existingSecret "") -}}
{{- fail "objectStore.endpoint needs objectStore.existingSecret: the chart cannot know that store's keys" -}}
{{- end -}}
{{- if and (ne $values.redis.host "") (eq $values.redis.existingSecret "") -}}
{{- fail "redis.host needs redis.existingSecret: the chart cannot know that Redis' password" -}}
{{- end -}}
{{- $rayRedis := $ray.gcsFaultTolerance.redis -}}
{{- if and (ne $rayRedis.address "") (eq $rayRedis.existingSecret "") -}}
{{- fail "ray.gcsFaultTolerance.redis.address needs its existingSecret: the chart cannot know that Redis' password" -}}
{{- end -}}
{{- if and (ne $values.redis.host "") (eq $rayRedis.address (printf "%s:%d" $values.redis.host (int $values.redis.port))) -}}
{{- fail "ray.gcsFaultTolerance.redis.address is the jobs' Redis: Ray's state needs one of its own" -}}
{{- end -}}
{{- if eq $values.objectStore.bucket $values.objectStore.rayBucket -}}
{{- fail "objectStore.rayBucket must be another one than bucket: what Ray keeps there is pickled" -}}
{{- end -}}
{{- $tls := $values.server.tls -}}
{{- if and $tls.certManager.enabled (ne $tls.existingSecret "") -}}
{{- fail "server.tls.existingSecret and server.tls.certManager.enabled: only one of them" -}}
{{- end -}}
{{- if and $tls.certManager.enabled (not $tls.certManager.issuerRef.name) -}}
{{- fail "server.tls.certManager needs issuerRef.name" -}}
{{- end -}}
{{- if and $tls.clientCertificates (not (include "synthoscope.secret.tls" .)) -}}
{{- fail "server.tls.clientCertificates needs existingSecret or certManager" -}}
{{- end -}}
{{- if and $values.tokens.jwt.jwks (not (and $values.tokens.jwt.issuer $values.tokens.jwt.audience)) -}}
{{- fail "tokens.jwt.jwks needs issuer and audience" -}}
{{- end -}}
{{- range $name, $service := $values.services -}}
{{- if gt (int $service.autoscaling.minReplicas) (int $service.autoscaling.maxReplicas) -}}
{{- fail (printf "services.%s.autoscaling.minReplicas is more than maxReplicas" $name) -}}
{{- end -}}
{{- end -}}
{{- $keda := $values.explanationWorker.keda -}}
{{- if gt (int $keda.minReplicas) (int $keda.maxReplicas) -}}
{{- fail "explanationWorker.keda.minReplicas is more than maxReplicas" -}}
{{- end -}}
{{- if and $keda.enabled (not (or $keda.prometheusAddress $keda.redisTrigger)) -}}
{{- fail "explanationWorker.keda needs prometheusAddress or redisTrigger" -}}
{{- end -}}
{{- if and $keda.enabled (eq (int $keda.minReplicas) 0) (not $keda.redisTrigger) -}}
{{- fail "explanationWorker.keda.minReplicas 0 needs redisTrigger: without a worker nobody exports the queue's gauge" -}}
{{- end -}}
{{- $policy := $values.networkPolicy -}}
{{- if and $policy.enabled $values.objectStore.endpoint (not $policy.objectStore) -}}
{{- fail "objectStore.endpoint needs networkPolicy.objectStore: where that store is" -}}
{{- end -}}
{{- if and $policy.enabled $values.redis.host (not $policy.redis) -}}
{{- fail "redis.host needs networkPolicy.redis: where that Redis is" -}}
{{- end -}}
{{- if and $policy.enabled $ray.gcsFaultTolerance.enabled $rayRedis.address (not $policy.rayRedis) -}}
{{- fail "ray.gcsFaultTolerance.redis.address needs networkPolicy.rayRedis: where that Redis is" -}}
{{- end -}}
{{- if and $values.route.enabled (not $values.route.parentRefs) -}}
{{- fail "route.enabled needs route.parentRefs" -}}
{{- end -}}
{{- if and $values.ingress.enabled (not $values.ingress.host) -}}
{{- fail "ingress.enabled needs ingress.host" -}}
{{- end -}}
{{- if not (has (float64 $values.monitoring.latencySeconds) (list 0.1 0.25 0.5 1.0 2.5 5.0)) -}}
{{- fail "monitoring.latencySeconds must be 0.1, 0.25, 0.5, 1, 2.5 or 5: what the histogram counts" -}}
{{- end -}}
{{- end }}
