/** Generated from docs/reference/openapi.json by `npm run generate`; not to be edited. */
export interface paths {
    "/apis/gateway.networking.k8s.io/v1/backendtlspolicies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch every BackendTLSPolicy (how gateways use TLS towards a backend) the caller may see. */
        get: operations["listBackendTLSPolicyAll"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/gateway.networking.k8s.io/v1/gateways": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch every Gateway (listeners that the agents of its clusters serve) the caller may see. */
        get: operations["listGatewayAll"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/gateway.networking.k8s.io/v1/grpcroutes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch every GRPCRoute (which gRPC calls of a Gateway go to which backends) the caller may see. */
        get: operations["listGRPCRouteAll"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/gateway.networking.k8s.io/v1/httproutes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch every HTTPRoute (which HTTP requests of a Gateway go to which backends) the caller may see. */
        get: operations["listHTTPRouteAll"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/backendtlspolicies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch the BackendTLSPolicy objects of a namespace. */
        get: operations["listBackendTLSPolicy"];
        put?: never;
        /** Create a BackendTLSPolicy. */
        post: operations["createBackendTLSPolicy"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/backendtlspolicies/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one BackendTLSPolicy. */
        get: operations["getBackendTLSPolicy"];
        /** Replace a BackendTLSPolicy. metadata.resourceVersion or If-Match makes it conditional. */
        put: operations["replaceBackendTLSPolicy"];
        post?: never;
        /** Delete a BackendTLSPolicy. It stays with a deletionTimestamp while finalizers remain. */
        delete: operations["deleteBackendTLSPolicy"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/gateways": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch the Gateway objects of a namespace. */
        get: operations["listGateway"];
        put?: never;
        /** Create a Gateway. */
        post: operations["createGateway"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/gateways/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one Gateway. */
        get: operations["getGateway"];
        /** Replace a Gateway. metadata.resourceVersion or If-Match makes it conditional. */
        put: operations["replaceGateway"];
        post?: never;
        /** Delete a Gateway. It stays with a deletionTimestamp while finalizers remain. */
        delete: operations["deleteGateway"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/grpcroutes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch the GRPCRoute objects of a namespace. */
        get: operations["listGRPCRoute"];
        put?: never;
        /** Create a GRPCRoute. */
        post: operations["createGRPCRoute"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/grpcroutes/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one GRPCRoute. */
        get: operations["getGRPCRoute"];
        /** Replace a GRPCRoute. metadata.resourceVersion or If-Match makes it conditional. */
        put: operations["replaceGRPCRoute"];
        post?: never;
        /** Delete a GRPCRoute. It stays with a deletionTimestamp while finalizers remain. */
        delete: operations["deleteGRPCRoute"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/httproutes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch the HTTPRoute objects of a namespace. */
        get: operations["listHTTPRoute"];
        put?: never;
        /** Create a HTTPRoute. */
        post: operations["createHTTPRoute"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/httproutes/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one HTTPRoute. */
        get: operations["getHTTPRoute"];
        /** Replace a HTTPRoute. metadata.resourceVersion or If-Match makes it conditional. */
        put: operations["replaceHTTPRoute"];
        post?: never;
        /** Delete a HTTPRoute. It stays with a deletionTimestamp while finalizers remain. */
        delete: operations["deleteHTTPRoute"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/referencegrants": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch the ReferenceGrant objects of a namespace. */
        get: operations["listReferenceGrant"];
        put?: never;
        /** Create a ReferenceGrant. */
        post: operations["createReferenceGrant"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/referencegrants/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one ReferenceGrant. */
        get: operations["getReferenceGrant"];
        /** Replace a ReferenceGrant. metadata.resourceVersion or If-Match makes it conditional. */
        put: operations["replaceReferenceGrant"];
        post?: never;
        /** Delete a ReferenceGrant. It stays with a deletionTimestamp while finalizers remain. */
        delete: operations["deleteReferenceGrant"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/gateway.networking.k8s.io/v1/referencegrants": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch every ReferenceGrant (what other namespaces may refer to in this one) the caller may see. */
        get: operations["listReferenceGrantAll"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/authpolicies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch every AuthPolicy (who may call a Gateway, a route or a rule) the caller may see. */
        get: operations["listAuthPolicyAll"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/backends": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch every Backend (the endpoints behind a Service, and how gateways connect to them) the caller may see. */
        get: operations["listBackendAll"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/callerroutings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch every CallerRouting (other backends for some callers of a rule) the caller may see. */
        get: operations["listCallerRoutingAll"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/certificatepolicies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch every CertificatePolicy (names that clusters get certificates for, and from whom) the caller may see. */
        get: operations["listCertificatePolicyAll"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/clusters": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch every Cluster (a cluster that an agent joins) the caller may see. */
        get: operations["listClusterAll"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/dnsproviders": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch every DNSProvider (an account at a DNS provider, and the zones there that hostnames are published into) the caller may see. */
        get: operations["listDNSProviderAll"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/drains": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch every Drain (takes a cluster out of answers on purpose) the caller may see. */
        get: operations["listDrainAll"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/drills": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch every Drill (a failover rehearsal) the caller may see. */
        get: operations["listDrillAll"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/gatewaypolicies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch every GatewayPolicy (limits, security headers, client addresses and logs of gateways) the caller may see. */
        get: operations["listGatewayPolicyAll"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/healthchecks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch every HealthCheck (how an endpoint is probed) the caller may see. */
        get: operations["listHealthCheckAll"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/issuers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch every Issuer (a certificate authority, and the account there) the caller may see. */
        get: operations["listIssuerAll"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/authpolicies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch the AuthPolicy objects of a namespace. */
        get: operations["listAuthPolicy"];
        put?: never;
        /** Create a AuthPolicy. */
        post: operations["createAuthPolicy"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/authpolicies/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one AuthPolicy. */
        get: operations["getAuthPolicy"];
        /** Replace a AuthPolicy. metadata.resourceVersion or If-Match makes it conditional. */
        put: operations["replaceAuthPolicy"];
        post?: never;
        /** Delete a AuthPolicy. It stays with a deletionTimestamp while finalizers remain. */
        delete: operations["deleteAuthPolicy"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/backends": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch the Backend objects of a namespace. */
        get: operations["listBackend"];
        put?: never;
        /** Create a Backend. */
        post: operations["createBackend"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/backends/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one Backend. */
        get: operations["getBackend"];
        /** Replace a Backend. metadata.resourceVersion or If-Match makes it conditional. */
        put: operations["replaceBackend"];
        post?: never;
        /** Delete a Backend. It stays with a deletionTimestamp while finalizers remain. */
        delete: operations["deleteBackend"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/callerroutings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch the CallerRouting objects of a namespace. */
        get: operations["listCallerRouting"];
        put?: never;
        /** Create a CallerRouting. */
        post: operations["createCallerRouting"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/callerroutings/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one CallerRouting. */
        get: operations["getCallerRouting"];
        /** Replace a CallerRouting. metadata.resourceVersion or If-Match makes it conditional. */
        put: operations["replaceCallerRouting"];
        post?: never;
        /** Delete a CallerRouting. It stays with a deletionTimestamp while finalizers remain. */
        delete: operations["deleteCallerRouting"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/certificatepolicies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch the CertificatePolicy objects of a namespace. */
        get: operations["listCertificatePolicy"];
        put?: never;
        /** Create a CertificatePolicy. */
        post: operations["createCertificatePolicy"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/certificatepolicies/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one CertificatePolicy. */
        get: operations["getCertificatePolicy"];
        /** Replace a CertificatePolicy. metadata.resourceVersion or If-Match makes it conditional. */
        put: operations["replaceCertificatePolicy"];
        post?: never;
        /** Delete a CertificatePolicy. It stays with a deletionTimestamp while finalizers remain. */
        delete: operations["deleteCertificatePolicy"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/clusters": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch the Cluster objects of a namespace. */
        get: operations["listCluster"];
        put?: never;
        /** Create a Cluster. */
        post: operations["createCluster"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/clusters/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one Cluster. */
        get: operations["getCluster"];
        /** Replace a Cluster. metadata.resourceVersion or If-Match makes it conditional. */
        put: operations["replaceCluster"];
        post?: never;
        /** Delete a Cluster. It stays with a deletionTimestamp while finalizers remain. */
        delete: operations["deleteCluster"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/dnsproviders": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch the DNSProvider objects of a namespace. */
        get: operations["listDNSProvider"];
        put?: never;
        /** Create a DNSProvider. */
        post: operations["createDNSProvider"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/dnsproviders/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one DNSProvider. */
        get: operations["getDNSProvider"];
        /** Replace a DNSProvider. metadata.resourceVersion or If-Match makes it conditional. */
        put: operations["replaceDNSProvider"];
        post?: never;
        /** Delete a DNSProvider. It stays with a deletionTimestamp while finalizers remain. */
        delete: operations["deleteDNSProvider"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/drains": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch the Drain objects of a namespace. */
        get: operations["listDrain"];
        put?: never;
        /** Create a Drain. */
        post: operations["createDrain"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/drains/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one Drain. */
        get: operations["getDrain"];
        /** Replace a Drain. metadata.resourceVersion or If-Match makes it conditional. */
        put: operations["replaceDrain"];
        post?: never;
        /** Delete a Drain. It stays with a deletionTimestamp while finalizers remain. */
        delete: operations["deleteDrain"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/drills": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch the Drill objects of a namespace. */
        get: operations["listDrill"];
        put?: never;
        /** Create a Drill. */
        post: operations["createDrill"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/drills/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one Drill. */
        get: operations["getDrill"];
        /** Replace a Drill. metadata.resourceVersion or If-Match makes it conditional. */
        put: operations["replaceDrill"];
        post?: never;
        /** Delete a Drill. It stays with a deletionTimestamp while finalizers remain. */
        delete: operations["deleteDrill"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/gatewaypolicies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch the GatewayPolicy objects of a namespace. */
        get: operations["listGatewayPolicy"];
        put?: never;
        /** Create a GatewayPolicy. */
        post: operations["createGatewayPolicy"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/gatewaypolicies/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one GatewayPolicy. */
        get: operations["getGatewayPolicy"];
        /** Replace a GatewayPolicy. metadata.resourceVersion or If-Match makes it conditional. */
        put: operations["replaceGatewayPolicy"];
        post?: never;
        /** Delete a GatewayPolicy. It stays with a deletionTimestamp while finalizers remain. */
        delete: operations["deleteGatewayPolicy"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/healthchecks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch the HealthCheck objects of a namespace. */
        get: operations["listHealthCheck"];
        put?: never;
        /** Create a HealthCheck. */
        post: operations["createHealthCheck"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/healthchecks/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one HealthCheck. */
        get: operations["getHealthCheck"];
        /** Replace a HealthCheck. metadata.resourceVersion or If-Match makes it conditional. */
        put: operations["replaceHealthCheck"];
        post?: never;
        /** Delete a HealthCheck. It stays with a deletionTimestamp while finalizers remain. */
        delete: operations["deleteHealthCheck"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/issuers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch the Issuer objects of a namespace. */
        get: operations["listIssuer"];
        put?: never;
        /** Create a Issuer. */
        post: operations["createIssuer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/issuers/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one Issuer. */
        get: operations["getIssuer"];
        /** Replace a Issuer. metadata.resourceVersion or If-Match makes it conditional. */
        put: operations["replaceIssuer"];
        post?: never;
        /** Delete a Issuer. It stays with a deletionTimestamp while finalizers remain. */
        delete: operations["deleteIssuer"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/ratelimitpolicies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch the RateLimitPolicy objects of a namespace. */
        get: operations["listRateLimitPolicy"];
        put?: never;
        /** Create a RateLimitPolicy. */
        post: operations["createRateLimitPolicy"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/ratelimitpolicies/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one RateLimitPolicy. */
        get: operations["getRateLimitPolicy"];
        /** Replace a RateLimitPolicy. metadata.resourceVersion or If-Match makes it conditional. */
        put: operations["replaceRateLimitPolicy"];
        post?: never;
        /** Delete a RateLimitPolicy. It stays with a deletionTimestamp while finalizers remain. */
        delete: operations["deleteRateLimitPolicy"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/secrets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch the Secret objects of a namespace. */
        get: operations["listSecret"];
        put?: never;
        /** Create a Secret. */
        post: operations["createSecret"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/secrets/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one Secret. */
        get: operations["getSecret"];
        /** Replace a Secret. metadata.resourceVersion or If-Match makes it conditional. */
        put: operations["replaceSecret"];
        post?: never;
        /** Delete a Secret. It stays with a deletionTimestamp while finalizers remain. */
        delete: operations["deleteSecret"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/trafficpolicies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch the TrafficPolicy objects of a namespace. */
        get: operations["listTrafficPolicy"];
        put?: never;
        /** Create a TrafficPolicy. */
        post: operations["createTrafficPolicy"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/trafficpolicies/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one TrafficPolicy. */
        get: operations["getTrafficPolicy"];
        /** Replace a TrafficPolicy. metadata.resourceVersion or If-Match makes it conditional. */
        put: operations["replaceTrafficPolicy"];
        post?: never;
        /** Delete a TrafficPolicy. It stays with a deletionTimestamp while finalizers remain. */
        delete: operations["deleteTrafficPolicy"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/zones": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch the Zone objects of a namespace. */
        get: operations["listZone"];
        put?: never;
        /** Create a Zone. */
        post: operations["createZone"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/namespaces/{namespace}/zones/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one Zone. */
        get: operations["getZone"];
        /** Replace a Zone. metadata.resourceVersion or If-Match makes it conditional. */
        put: operations["replaceZone"];
        post?: never;
        /** Delete a Zone. It stays with a deletionTimestamp while finalizers remain. */
        delete: operations["deleteZone"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/ratelimitpolicies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch every RateLimitPolicy (how many requests callers may make, over all clusters together) the caller may see. */
        get: operations["listRateLimitPolicyAll"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/secrets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch every Secret (values stored encrypted and never returned) the caller may see. */
        get: operations["listSecretAll"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/trafficpolicies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch every TrafficPolicy (hostnames, endpoints and how queries are routed to them) the caller may see. */
        get: operations["listTrafficPolicyAll"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/apis/portolan.dev/v1alpha1/zones": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List or watch every Zone (a zone served by the embedded name servers) the caller may see. */
        get: operations["listZoneAll"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The process answers. */
        get: operations["healthz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Prometheus metrics. */
        get: operations["metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The hub can do its work: 200 when it can, 503 with the reasons when not. */
        get: operations["readyz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/adoptions/{namespace}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Take over the records that stand at a hostname of a TrafficPolicy. With dryRun it only shows what stands there and what would replace it. */
        post: operations["adoptRecords"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/apply": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Create, update and delete all of these documents in one commit, or none of them. */
        post: operations["apply"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Audit entries in order. `next` is the `after` of the following page. */
        get: operations["listAudit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/audit/verification": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Recompute the hash chain of the audit log. */
        get: operations["verifyAudit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/certificates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Certificates with their names, issuer, state, end, next renewal and clusters. */
        get: operations["listCertificates"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/clusters/{namespace}/{name}/drain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Take the cluster out of answers on purpose. */
        post: operations["drainCluster"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/clusters/{namespace}/{name}/inventory": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the agent of a cluster found in Kubernetes, what became of it, and what is not used and why. */
        get: operations["clusterInventory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/clusters/{namespace}/{name}/remove": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Drain the cluster, revoke its agent, and delete it. */
        post: operations["removeCluster"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/clusters/{namespace}/{name}/token": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Create a join token: single use, at most an hour, bound to this cluster. */
        post: operations["createClusterToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/clusters/{namespace}/{name}/undrain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Put a drained cluster back into answers. */
        post: operations["undrainCluster"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/drills/{namespace}/{name}/abort": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Abort a running drill and roll it back. */
        post: operations["abortDrill"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/drills/{namespace}/{name}/start": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Start a drill that exists. */
        post: operations["startDrill"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/drills/{namespace}/plan": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** What a drill would do and whether its guards allow it now. Stores nothing. */
        post: operations["planDrill"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/gateways/ca": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The CA that certificates of listeners with `portolan.dev/certificate: internal` come from. */
        get: operations["gatewayCa"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/gateways/explain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What holds for the rules of a route, or for a request, and which object says so. */
        get: operations["explainRoute"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/geoip": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The GeoIP database in use, the one before it, and the staged one with what it would change. */
        get: operations["geoStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/geoip/activate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Put the staged database into use, here and at every agent. */
        post: operations["activateGeo"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/geoip/rollback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Back to the database before this one. */
        post: operations["rollbackGeo"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/geoip/stage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Take in an .mmdb file and compare it with the one in use. Nothing is answered by it yet. */
        post: operations["stageGeo"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List keys by their public ids, page by page; never a key itself. */
        get: operations["listKeys"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/keys/{namespace}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make an API key. Its text is in this answer and nowhere else. */
        post: operations["createKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/keys/{namespace}/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One key, and on which clusters its last change counts. */
        get: operations["describeKey"];
        put?: never;
        post?: never;
        /** Forget a key that is revoked or has expired; from then on it is unknown. */
        delete: operations["deleteKey"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/keys/{namespace}/{id}/revoke": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End a key for ever: refused on every connected cluster within a second. */
        post: operations["revokeKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/keys/{namespace}/{id}/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make its successor; the old key works a while longer. */
        post: operations["rotateKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/keys/{namespace}/import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Take over keys that exist already, at most 2,000 at once: all of them or none. */
        post: operations["importKeys"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/namespaces/{namespace}/certificatepolicies/{name}/try": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How the last trial of the policy goes or ended. */
        get: operations["certificateTrial"];
        put?: never;
        /** Begin a real order at the Issuer's staging directory, whose certificate is thrown away. */
        post: operations["tryCertificatePolicy"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/namespaces/{namespace}/certificates/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One certificate: its chain, the order under way, when it is renewed and why then, forecast, failures. */
        get: operations["describeCertificate"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/namespaces/{namespace}/certificates/{id}/chain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Its chain as PEM, without the key. */
        get: operations["certificateChain"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/namespaces/{namespace}/certificates/{id}/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What happened to it, newest first: issued, renewed, failed, revoked. */
        get: operations["certificateHistory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/namespaces/{namespace}/certificates/{id}/renew": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Order another one now; what is served stays until it is there. */
        post: operations["renewCertificate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/namespaces/{namespace}/certificates/{id}/revoke": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Replace it and revoke it at the CA then; with force at once. */
        post: operations["revokeCertificate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/plan": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** What applying these documents would do: per document, and to the answers clients get. Stores nothing. */
        post: operations["plan"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/policies/{namespace}/{name}/reports": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What becomes of each hostname of a TrafficPolicy at each DNS provider: kept, computed, lost or refused. */
        get: operations["compileReports"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/providers/{namespace}/{name}/approve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Let the plan through, once, that waits for a person because it removes too much of a zone. */
        post: operations["approveProviderPlan"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/providers/{namespace}/{name}/check": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Try the credentials, every permission and every zone of a DNS provider. Changes nothing that stays; when all is well, what the provider refused before is tried again at once. */
        post: operations["checkProvider"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/providers/{namespace}/{name}/content": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What is in a zone of a DNS provider now, each name with its owner. */
        get: operations["readProviderZone"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/providers/{namespace}/{name}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End the hold of a rollback: the zone follows what is stored again. */
        post: operations["resumeProviderZone"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/providers/{namespace}/{name}/rollback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Bring back what an earlier generation had in a zone, as a new generation, and hold it. */
        post: operations["rollbackProviderZone"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/providers/{namespace}/{name}/states": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How each zone of a DNS provider stands: what is applied, planned, held, verified, and its history. */
        get: operations["listProviderStates"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/providers/{namespace}/{name}/zones": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Every zone that the account of a DNS provider sees. */
        get: operations["listProviderZones"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/quota/{namespace}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Limits of a namespace, and of the keys in use what is spent, leased to clusters and left. */
        get: operations["listQuota"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/quota/{namespace}/explanation": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether a key is granted more of a limit now, who holds what, and until when. */
        get: operations["explainQuota"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/quota/{namespace}/override": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Another limit for one key, until it ends by itself. */
        put: operations["setQuota"];
        post?: never;
        /** Take the limit of one key back: the policy holds again. */
        delete: operations["unsetQuota"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/quota/{namespace}/reset": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Forget what was admitted for a key in the windows that run; what is leased stays counted. */
        post: operations["resetQuota"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/resolve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What a client would be answered now, why, and for how long. Decided by the code that answers DNS. */
        get: operations["resolve"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sources": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Sources of objects (a Git folder, Kubernetes) and what became of what they say. */
        get: operations["listSources"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sources/held": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Changes of sources that a guard refuses until an admin approves them. */
        get: operations["listHeldChanges"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sources/held/{id}/approve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Let one held change through, now; what a guard says against it is overridden. */
        post: operations["approveHeldChange"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sources/return": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End a take-over: the source that wants the object sets it again. */
        post: operations["returnToSource"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Name servers, agents and health states with their explanations, of the namespaces the caller may see. */
        get: operations["status"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the tokens the caller may manage, without their secrets. */
        get: operations["listTokens"];
        put?: never;
        /** Create a token. Its text is in this answer and nowhere else. Takes the admin role in every namespace it is bound to. */
        post: operations["createToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tokens/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Revoke a token. Requests with it are refused from now on; open watches end within a heartbeat. */
        delete: operations["revokeToken"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/usage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Hits that gateways let pass, by account: a row for the whole time, or one per minute, newest first. */
        get: operations["listUsage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/watch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Changes of every kind as server-sent events, of the objects the caller may see. */
        get: operations["watchAll"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/whoami": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who the token says the caller is. */
        get: operations["whoAmI"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/zones/{namespace}/{name}/dnssec/confirm-ds": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Say that every server of the parent has the DS that is waited for (of a zone that is being unsigned: that none has one). */
        post: operations["confirmZoneDs"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/zones/{namespace}/{name}/dnssec/continue": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Go on without name servers that were waited for over seven days. Takes force, the admin role and a reason. */
        post: operations["continueZoneRoll"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/zones/{namespace}/{name}/dnssec/roll": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Begin to replace a key of a signed zone; the rest goes by itself. */
        post: operations["rollZoneKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/zones/{namespace}/{name}/reports": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What becomes of the origin of a Zone at the DNS provider that it is delegated from. */
        get: operations["zoneCompileReports"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        AdoptInput: {
            /** @description By `provider/zone` (the name of the DNSProvider without namespace, the origin): the digest that the preview showed. Another content is not taken over, and what has no digest here is only shown. */
            digests?: {
                [key: string]: string;
            };
            hostname: string;
            /** @description Name of the DNSProvider; all that hold the hostname when absent. */
            provider?: string;
        };
        AdoptPreview: {
            adopted: boolean;
            after: string[];
            before: string[];
            digest: string;
            hostname: string;
            /** @description All of it is of this hub already: there is nothing to take over. */
            ours: boolean;
            owner?: string;
            provider: string;
            zone: string;
        };
        AdoptPreviews: {
            items: components["schemas"]["AdoptPreview"][];
        };
        AgentStatus: {
            cluster: string;
            connected: boolean;
            failureDomain: string;
            lastSeenAt?: string;
            revoked: boolean;
            snapshotSequence: number;
            uid: string;
            version: string;
        };
        AnswerDiff: {
            changes: {
                after: components["schemas"]["AnswerShare"][];
                before: components["schemas"]["AnswerShare"][];
                hostname: string;
                namespace: string;
                places: string[];
            }[];
            compared: {
                hostnames: number;
                places: number;
            };
        };
        AnswerShare: {
            cluster: string;
            endpoint: string;
            percent: number;
        };
        ApiKey: {
            attributes: {
                [key: string]: string;
            };
            createdAt: string;
            expiresAt?: string;
            id: string;
            labels: {
                [key: string]: string;
            };
            namespace: string;
            pairId?: string;
            plan?: string;
            predecessor?: string;
            principal: string;
            revokedAt?: string;
            roles: string[];
            /** @enum {string} */
            state: "active" | "rotated" | "revoked" | "expired";
            successor?: string;
        };
        ApiKeyCreated: {
            attributes: {
                [key: string]: string;
            };
            createdAt: string;
            expiresAt?: string;
            id: string;
            key: string;
            labels: {
                [key: string]: string;
            };
            namespace: string;
            pairId?: string;
            plan?: string;
            predecessor?: string;
            principal: string;
            revokedAt?: string;
            roles: string[];
            /** @enum {string} */
            state: "active" | "rotated" | "revoked" | "expired";
            successor?: string;
        };
        ApiKeyDescription: {
            attributes: {
                [key: string]: string;
            };
            clusters: {
                cluster: string;
                detail: string;
                /** @enum {string} */
                state: "live" | "pending" | "away";
            }[];
            createdAt: string;
            expiresAt?: string;
            id: string;
            labels: {
                [key: string]: string;
            };
            namespace: string;
            pairId?: string;
            plan?: string;
            predecessor?: string;
            principal: string;
            revokedAt?: string;
            roles: string[];
            /** @enum {string} */
            state: "active" | "rotated" | "revoked" | "expired";
            successor?: string;
        };
        ApiKeyImport: {
            ids: string[];
            warnings: string[];
        };
        ApiKeyImportInput: {
            keys: {
                /**
                 * @description Further facts for expressions, such as an e-mail address.
                 * @default {}
                 */
                attributes?: {
                    [key: string]: string;
                };
                /** Format: date-time */
                expiresAt?: string;
                key: string;
                /**
                 * @description What an AuthPolicy may ask for.
                 * @default {}
                 */
                labels?: {
                    [key: string]: string;
                };
                /** @description The id that must come with the key, for id + key pairs. */
                pairId?: string;
                plan?: string;
                /** @description Who it stands for, such as an application. */
                principal: string;
                /** @default [] */
                roles?: string[];
            }[];
        };
        ApiKeyInput: {
            /**
             * @description Further facts for expressions, such as an e-mail address.
             * @default {}
             */
            attributes?: {
                [key: string]: string;
            };
            /** Format: date-time */
            expiresAt?: string;
            /**
             * @description What an AuthPolicy may ask for.
             * @default {}
             */
            labels?: {
                [key: string]: string;
            };
            /** @description The id that must come with the key, for id + key pairs. */
            pairId?: string;
            plan?: string;
            /** @description Who it stands for, such as an application. */
            principal: string;
            /** @default [] */
            roles?: string[];
        };
        ApiKeyPage: {
            items: components["schemas"]["ApiKey"][];
            next?: string;
        };
        ApiKeyRevocation: {
            reason?: string;
        };
        ApiKeyRotation: {
            /**
             * Format: date-time
             * @description When the new key expires; never when left out.
             */
            expiresAt?: string;
            /**
             * @description How long the old key still works.
             * @default 86400
             */
            overlapSeconds?: number;
        };
        Applied: {
            documents: components["schemas"]["PlannedDocument"][];
            objects: (components["schemas"]["Cluster"] | components["schemas"]["TrafficPolicy"] | components["schemas"]["HealthCheck"] | components["schemas"]["Zone"] | components["schemas"]["DNSProvider"] | components["schemas"]["Secret"] | components["schemas"]["Drain"] | components["schemas"]["Drill"] | components["schemas"]["Gateway"] | components["schemas"]["HTTPRoute"] | components["schemas"]["GRPCRoute"] | components["schemas"]["BackendTLSPolicy"] | components["schemas"]["ReferenceGrant"] | components["schemas"]["Backend"] | components["schemas"]["AuthPolicy"] | components["schemas"]["GatewayPolicy"] | components["schemas"]["RateLimitPolicy"] | components["schemas"]["CallerRouting"] | components["schemas"]["Issuer"] | components["schemas"]["CertificatePolicy"])[];
            revision: number;
            warnings: string[];
        };
        ApproveInput: {
            /** @description Hash of the plan that waits. */
            plan: string;
            zone: string;
        };
        AuditEntry: {
            actor: string;
            actorDisplay: string;
            address?: string;
            at: string;
            hash: string;
            kind: string;
            name: string;
            namespace: string;
            payloadDigest: string;
            previousHash: string;
            reason?: string;
            sequence: number;
            verb: string;
        };
        AuditPage: {
            items: components["schemas"]["AuditEntry"][];
            next?: number;
        };
        AuditVerification: {
            brokenAt?: number;
            entries: number;
        };
        AuthPolicy: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "AuthPolicy";
            metadata: components["schemas"]["Metadata"];
            spec: components["schemas"]["AuthPolicySpec"];
            status?: {
                conditions?: components["schemas"]["Condition"][];
            } & {
                [key: string]: unknown;
            };
        };
        AuthPolicyInput: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "AuthPolicy";
            metadata: {
                annotations?: {
                    [key: string]: string;
                };
                creationTimestamp?: string;
                deletionTimestamp?: string;
                finalizers?: string[];
                generation?: number;
                labels?: {
                    [key: string]: string;
                };
                name: string;
                /** @default default */
                namespace?: string;
                /** @description When given, the write succeeds only if it still is the stored one. */
                resourceVersion?: string;
                uid?: string;
            };
            spec: components["schemas"]["AuthPolicySpec"];
            status?: unknown;
        };
        AuthPolicyList: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            items: components["schemas"]["AuthPolicy"][];
            /** @constant */
            kind: "AuthPolicyList";
            metadata: {
                resourceVersion: string;
            };
        };
        AuthPolicySpec: {
            /** @description Holds where no more specific policy says otherwise. */
            defaults?: {
                rules: {
                    /** @description Alternatives by name; the first that finds valid credentials decides. None: anonymous. */
                    authentication?: {
                        [key: string]: {
                            anonymous?: Record<string, never>;
                            apiKey?: {
                                /**
                                 * @description Where it is looked for, in this order.
                                 * @default [
                                 *       {
                                 *         "in": "header",
                                 *         "name": "x-api-key"
                                 *       },
                                 *       {
                                 *         "in": "authorization",
                                 *         "scheme": "APIKEY"
                                 *       }
                                 *     ]
                                 */
                                credentials?: ({
                                    /** @constant */
                                    in: "authorization";
                                    scheme: string;
                                } | {
                                    /** @constant */
                                    in: "header";
                                    name: string;
                                } | {
                                    /** @constant */
                                    in: "query";
                                    name: string;
                                } | {
                                    /** @constant */
                                    in: "cookie";
                                    name: string;
                                })[];
                                /**
                                 * @description Labels that a key must have.
                                 * @default {}
                                 */
                                labels?: {
                                    [key: string]: string;
                                };
                                /**
                                 * @description Namespaces whose keys count; default: the policy's own.
                                 * @default []
                                 */
                                namespaces?: string[];
                            };
                            /**
                             * @description Fields set on the identity (CEL) where it has none.
                             * @default {}
                             */
                            defaults?: {
                                [key: string]: string;
                            };
                            jwt?: {
                                /**
                                 * @default [
                                 *       "RS256",
                                 *       "ES256"
                                 *     ]
                                 */
                                algorithms?: ("RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES384" | "ES512" | "EdDSA")[];
                                /**
                                 * @description One of them must be in `aud`; none: not looked at.
                                 * @default []
                                 */
                                audiences?: string[];
                                /**
                                 * @description Secrets with the issuer's CA; default: the system's.
                                 * @default []
                                 */
                                caRefs?: {
                                    /** @default ca.crt */
                                    key?: string;
                                    /** @description Name of a Secret in the policy's namespace. */
                                    name: string;
                                }[];
                                /**
                                 * @description Where it is looked for, in this order.
                                 * @default [
                                 *       {
                                 *         "in": "authorization",
                                 *         "scheme": "Bearer"
                                 *       }
                                 *     ]
                                 */
                                credentials?: ({
                                    /** @constant */
                                    in: "authorization";
                                    scheme: string;
                                } | {
                                    /** @constant */
                                    in: "header";
                                    name: string;
                                } | {
                                    /** @constant */
                                    in: "query";
                                    name: string;
                                } | {
                                    /** @constant */
                                    in: "cookie";
                                    name: string;
                                })[];
                                /** @description Exactly the `iss` claim. */
                                issuer: string;
                                /** @description A JWKS of your own in a Secret, instead. */
                                jwksRef?: {
                                    /** @default jwks.json */
                                    key?: string;
                                    /** @description Name of a Secret in the policy's namespace. */
                                    name: string;
                                };
                                /**
                                 * Format: uri
                                 * @description Default: found by OpenID discovery at the issuer.
                                 */
                                jwksUri?: string;
                                /** @default 30 */
                                leewaySeconds?: number;
                                /** @default sub */
                                principalClaim?: string;
                                /** @default [] */
                                requiredClaims?: string[];
                                /**
                                 * @description Such as `realm_access.roles`.
                                 * @default []
                                 */
                                roleClaims?: string[];
                                /**
                                 * @default [
                                 *       "scope"
                                 *     ]
                                 */
                                scopeClaims?: string[];
                                /** @default 2000 */
                                timeoutMs?: number;
                                /** @description Required `typ`, such as at+jwt. */
                                tokenType?: string;
                            };
                            /** @description An application id and a key that belongs to it. */
                            keyPair?: {
                                /**
                                 * @description HTTP Basic with id and key as well.
                                 * @default false
                                 */
                                basic?: boolean;
                                /**
                                 * @default {
                                 *       "in": "header",
                                 *       "name": "x-app-id"
                                 *     }
                                 */
                                id?: {
                                    /** @constant */
                                    in: "authorization";
                                    scheme: string;
                                } | {
                                    /** @constant */
                                    in: "header";
                                    name: string;
                                } | {
                                    /** @constant */
                                    in: "query";
                                    name: string;
                                } | {
                                    /** @constant */
                                    in: "cookie";
                                    name: string;
                                };
                                /**
                                 * @default {
                                 *       "in": "header",
                                 *       "name": "x-app-key"
                                 *     }
                                 */
                                key?: {
                                    /** @constant */
                                    in: "authorization";
                                    scheme: string;
                                } | {
                                    /** @constant */
                                    in: "header";
                                    name: string;
                                } | {
                                    /** @constant */
                                    in: "query";
                                    name: string;
                                } | {
                                    /** @constant */
                                    in: "cookie";
                                    name: string;
                                };
                                /**
                                 * @description Labels that a key must have.
                                 * @default {}
                                 */
                                labels?: {
                                    [key: string]: string;
                                };
                                /**
                                 * @description Namespaces whose keys count; default: the policy's own.
                                 * @default []
                                 */
                                namespaces?: string[];
                            };
                            kubernetesTokenReview?: {
                                /** @default [] */
                                audiences?: string[];
                                /** @default 30 */
                                cacheSeconds?: number;
                                /**
                                 * @description Where it is looked for, in this order.
                                 * @default [
                                 *       {
                                 *         "in": "authorization",
                                 *         "scheme": "Bearer"
                                 *       }
                                 *     ]
                                 */
                                credentials?: ({
                                    /** @constant */
                                    in: "authorization";
                                    scheme: string;
                                } | {
                                    /** @constant */
                                    in: "header";
                                    name: string;
                                } | {
                                    /** @constant */
                                    in: "query";
                                    name: string;
                                } | {
                                    /** @constant */
                                    in: "cookie";
                                    name: string;
                                })[];
                                /** @default {} */
                                kubernetes?: {
                                    /**
                                     * @description Secrets with the issuer's CA; default: the system's.
                                     * @default []
                                     */
                                    caRefs?: {
                                        /** @default ca.crt */
                                        key?: string;
                                        /** @description Name of a Secret in the policy's namespace. */
                                        name: string;
                                    }[];
                                    /** @default 2000 */
                                    timeoutMs?: number;
                                    tokenRef?: {
                                        /** @default token */
                                        key?: string;
                                        /** @description Name of a Secret in the policy's namespace. */
                                        name: string;
                                    };
                                    /**
                                     * Format: uri
                                     * @description Default: the cluster's own, with the agent's service account.
                                     */
                                    url?: string;
                                };
                            };
                            mtls?: {
                                /** @description The certificate must chain to one of them. */
                                caRefs: {
                                    /** @default ca.crt */
                                    key?: string;
                                    /** @description Name of a Secret in the policy's namespace. */
                                    name: string;
                                }[];
                                /** @default [] */
                                dnsNames?: string[];
                                /**
                                 * @description A header with the certificate, believed from trusted proxies only.
                                 * @enum {string}
                                 */
                                header?: "client-cert" | "x-forwarded-client-cert";
                                /**
                                 * @default subject
                                 * @enum {string}
                                 */
                                principal?: "subject" | "commonName" | "spiffe" | "dns";
                                /** @default [] */
                                spiffeIds?: string[];
                                /**
                                 * @description Distinguished names; none: any.
                                 * @default []
                                 */
                                subjects?: string[];
                            };
                            oauth2Introspection?: {
                                /** @default [] */
                                audiences?: string[];
                                /** @default 30 */
                                cacheSeconds?: number;
                                /**
                                 * @description Secrets with the issuer's CA; default: the system's.
                                 * @default []
                                 */
                                caRefs?: {
                                    /** @default ca.crt */
                                    key?: string;
                                    /** @description Name of a Secret in the policy's namespace. */
                                    name: string;
                                }[];
                                clientId?: string;
                                clientSecretRef?: {
                                    /** @default client-secret */
                                    key?: string;
                                    /** @description Name of a Secret in the policy's namespace. */
                                    name: string;
                                };
                                /**
                                 * @description Where it is looked for, in this order.
                                 * @default [
                                 *       {
                                 *         "in": "authorization",
                                 *         "scheme": "Bearer"
                                 *       }
                                 *     ]
                                 */
                                credentials?: ({
                                    /** @constant */
                                    in: "authorization";
                                    scheme: string;
                                } | {
                                    /** @constant */
                                    in: "header";
                                    name: string;
                                } | {
                                    /** @constant */
                                    in: "query";
                                    name: string;
                                } | {
                                    /** @constant */
                                    in: "cookie";
                                    name: string;
                                })[];
                                /** @default 2000 */
                                timeoutMs?: number;
                                tokenTypeHint?: string;
                                /** Format: uri */
                                url: string;
                            };
                            /**
                             * @description Fields set on the identity (CEL) always.
                             * @default {}
                             */
                            overrides?: {
                                [key: string]: string;
                            };
                            /** @description The value of a header that a trusted proxy sets; ignored from others. */
                            plain?: {
                                header: string;
                            };
                            /**
                             * @description Lower goes first; equal ones in the order of their names.
                             * @default 0
                             */
                            priority?: number;
                            /**
                             * @description Not tried unless all are true.
                             * @default []
                             */
                            when?: string[];
                        };
                    };
                    /** @description All must allow. */
                    authorization?: {
                        [key: string]: {
                            /** @description All must be true. */
                            cel?: {
                                expressions: string[];
                            };
                            http?: {
                                /** @description CEL for the JSON body; default: `{"input": {request, auth}}`, as OPA takes it. */
                                body?: string;
                                cache?: {
                                    /** @description CEL: equal results share an entry. */
                                    key: string;
                                    /** @default 60 */
                                    seconds?: number;
                                };
                                /**
                                 * @description Secrets with the issuer's CA; default: the system's.
                                 * @default []
                                 */
                                caRefs?: {
                                    /** @default ca.crt */
                                    key?: string;
                                    /** @description Name of a Secret in the policy's namespace. */
                                    name: string;
                                }[];
                                /** @default {} */
                                headers?: {
                                    [key: string]: string;
                                };
                                /** @default 2000 */
                                timeoutMs?: number;
                                /** Format: uri */
                                url: string;
                            };
                            kubernetesSubjectAccessReview?: {
                                /** @default 10 */
                                cacheSeconds?: number;
                                groups?: string;
                                /** @default {} */
                                kubernetes?: {
                                    /**
                                     * @description Secrets with the issuer's CA; default: the system's.
                                     * @default []
                                     */
                                    caRefs?: {
                                        /** @default ca.crt */
                                        key?: string;
                                        /** @description Name of a Secret in the policy's namespace. */
                                        name: string;
                                    }[];
                                    /** @default 2000 */
                                    timeoutMs?: number;
                                    tokenRef?: {
                                        /** @default token */
                                        key?: string;
                                        /** @description Name of a Secret in the policy's namespace. */
                                        name: string;
                                    };
                                    /**
                                     * Format: uri
                                     * @description Default: the cluster's own, with the agent's service account.
                                     */
                                    url?: string;
                                };
                                /** @description CEL each; default: the path and method as non-resource attributes. */
                                resource?: {
                                    /** @default '' */
                                    group?: string;
                                    /** @default '' */
                                    name?: string;
                                    /** @default '' */
                                    namespace?: string;
                                    /** @default '' */
                                    resource?: string;
                                    /** @default '' */
                                    subresource?: string;
                                    /** @default 'get' */
                                    verb?: string;
                                };
                                /** @default auth.principal */
                                user?: string;
                            };
                            /**
                             * @description Lower goes first; equal ones in the order of their names.
                             * @default 0
                             */
                            priority?: number;
                            roles?: {
                                /** @default [] */
                                allOf?: string[];
                                /** @default [] */
                                anyOf?: string[];
                            };
                            scopes?: {
                                /** @default [] */
                                allOf?: string[];
                                /** @default [] */
                                anyOf?: string[];
                            };
                            /** @default [] */
                            when?: string[];
                        };
                    };
                    /** @description How long others' decisions are remembered, and what holds while they cannot be asked. */
                    decisions?: {
                        /**
                         * @description Default strict.
                         * @enum {string}
                         */
                        mode?: "strict" | "resilient" | "allow" | "none";
                        /** @description Default 2. */
                        negativeTtlSeconds?: number;
                        /** @description Default 10. */
                        ttlSeconds?: number;
                    };
                    /** @description How long keys are honoured without word from the hub; 0 (the default): for ever. */
                    maxStalenessSeconds?: number;
                    /** @description What is fetched before authorisation: `auth.metadata.<name>`. */
                    metadata?: {
                        [key: string]: {
                            cache?: {
                                /** @description CEL: equal results share an entry. */
                                key: string;
                                /** @default 60 */
                                seconds?: number;
                            };
                            http?: {
                                /** @description CEL; POST only; sent as JSON. */
                                body?: string;
                                /**
                                 * @description Secrets with the issuer's CA; default: the system's.
                                 * @default []
                                 */
                                caRefs?: {
                                    /** @default ca.crt */
                                    key?: string;
                                    /** @description Name of a Secret in the policy's namespace. */
                                    name: string;
                                }[];
                                /** @default {} */
                                headers?: {
                                    [key: string]: string;
                                };
                                /**
                                 * @default GET
                                 * @enum {string}
                                 */
                                method?: "GET" | "POST";
                                /** @default 2000 */
                                timeoutMs?: number;
                                /** Format: uri */
                                url?: string;
                                /** @description CEL that gives the URL, instead of `url`. */
                                urlExpression?: string;
                            };
                            /**
                             * @description A failed call denies, or leaves null.
                             * @default deny
                             * @enum {string}
                             */
                            onFailure?: "deny" | "null";
                            /**
                             * @description Lower goes first; equal ones in the order of their names.
                             * @default 0
                             */
                            priority?: number;
                            userInfo?: {
                                /**
                                 * @description Secrets with the issuer's CA; default: the system's.
                                 * @default []
                                 */
                                caRefs?: {
                                    /** @default ca.crt */
                                    key?: string;
                                    /** @description Name of a Secret in the policy's namespace. */
                                    name: string;
                                }[];
                                /** @description Name of the jwt rule whose token is used. */
                                identity: string;
                                /** @default 2000 */
                                timeoutMs?: number;
                                /**
                                 * Format: uri
                                 * @description Default: found by discovery at its issuer.
                                 */
                                url?: string;
                            };
                            /** @default [] */
                            when?: string[];
                        };
                    };
                    response?: {
                        /** @description Headers for the backend, CEL; a client's own of these names are removed. */
                        headers?: {
                            [key: string]: string;
                        };
                        /** @description Default status 401. */
                        unauthenticated?: {
                            /** @description CEL for the body's text; default: a problem document (RFC 9457). */
                            body?: string;
                            headers?: {
                                [key: string]: string;
                            };
                            /** @description CEL for the URL of a login page; browsers are sent there (302). */
                            redirect?: string;
                            status?: number;
                        };
                        /** @description Default status 403. */
                        unauthorized?: {
                            /** @description CEL for the body's text; default: a problem document (RFC 9457). */
                            body?: string;
                            headers?: {
                                [key: string]: string;
                            };
                            /** @description CEL for the URL of a login page; browsers are sent there (302). */
                            redirect?: string;
                            status?: number;
                        };
                    };
                    /** @description Requests for which one is false are not protected by it. */
                    when?: string[];
                };
                /**
                 * @description `atomic`: all or none of these rules; `merge`: each by its name.
                 * @default atomic
                 * @enum {string}
                 */
                strategy?: "atomic" | "merge";
            };
            /** @description Holds whatever more specific policies say. */
            overrides?: {
                rules: {
                    /** @description Alternatives by name; the first that finds valid credentials decides. None: anonymous. */
                    authentication?: {
                        [key: string]: {
                            anonymous?: Record<string, never>;
                            apiKey?: {
                                /**
                                 * @description Where it is looked for, in this order.
                                 * @default [
                                 *       {
                                 *         "in": "header",
                                 *         "name": "x-api-key"
                                 *       },
                                 *       {
                                 *         "in": "authorization",
                                 *         "scheme": "APIKEY"
                                 *       }
                                 *     ]
                                 */
                                credentials?: ({
                                    /** @constant */
                                    in: "authorization";
                                    scheme: string;
                                } | {
                                    /** @constant */
                                    in: "header";
                                    name: string;
                                } | {
                                    /** @constant */
                                    in: "query";
                                    name: string;
                                } | {
                                    /** @constant */
                                    in: "cookie";
                                    name: string;
                                })[];
                                /**
                                 * @description Labels that a key must have.
                                 * @default {}
                                 */
                                labels?: {
                                    [key: string]: string;
                                };
                                /**
                                 * @description Namespaces whose keys count; default: the policy's own.
                                 * @default []
                                 */
                                namespaces?: string[];
                            };
                            /**
                             * @description Fields set on the identity (CEL) where it has none.
                             * @default {}
                             */
                            defaults?: {
                                [key: string]: string;
                            };
                            jwt?: {
                                /**
                                 * @default [
                                 *       "RS256",
                                 *       "ES256"
                                 *     ]
                                 */
                                algorithms?: ("RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES384" | "ES512" | "EdDSA")[];
                                /**
                                 * @description One of them must be in `aud`; none: not looked at.
                                 * @default []
                                 */
                                audiences?: string[];
                                /**
                                 * @description Secrets with the issuer's CA; default: the system's.
                                 * @default []
                                 */
                                caRefs?: {
                                    /** @default ca.crt */
                                    key?: string;
                                    /** @description Name of a Secret in the policy's namespace. */
                                    name: string;
                                }[];
                                /**
                                 * @description Where it is looked for, in this order.
                                 * @default [
                                 *       {
                                 *         "in": "authorization",
                                 *         "scheme": "Bearer"
                                 *       }
                                 *     ]
                                 */
                                credentials?: ({
                                    /** @constant */
                                    in: "authorization";
                                    scheme: string;
                                } | {
                                    /** @constant */
                                    in: "header";
                                    name: string;
                                } | {
                                    /** @constant */
                                    in: "query";
                                    name: string;
                                } | {
                                    /** @constant */
                                    in: "cookie";
                                    name: string;
                                })[];
                                /** @description Exactly the `iss` claim. */
                                issuer: string;
                                /** @description A JWKS of your own in a Secret, instead. */
                                jwksRef?: {
                                    /** @default jwks.json */
                                    key?: string;
                                    /** @description Name of a Secret in the policy's namespace. */
                                    name: string;
                                };
                                /**
                                 * Format: uri
                                 * @description Default: found by OpenID discovery at the issuer.
                                 */
                                jwksUri?: string;
                                /** @default 30 */
                                leewaySeconds?: number;
                                /** @default sub */
                                principalClaim?: string;
                                /** @default [] */
                                requiredClaims?: string[];
                                /**
                                 * @description Such as `realm_access.roles`.
                                 * @default []
                                 */
                                roleClaims?: string[];
                                /**
                                 * @default [
                                 *       "scope"
                                 *     ]
                                 */
                                scopeClaims?: string[];
                                /** @default 2000 */
                                timeoutMs?: number;
                                /** @description Required `typ`, such as at+jwt. */
                                tokenType?: string;
                            };
                            /** @description An application id and a key that belongs to it. */
                            keyPair?: {
                                /**
                                 * @description HTTP Basic with id and key as well.
                                 * @default false
                                 */
                                basic?: boolean;
                                /**
                                 * @default {
                                 *       "in": "header",
                                 *       "name": "x-app-id"
                                 *     }
                                 */
                                id?: {
                                    /** @constant */
                                    in: "authorization";
                                    scheme: string;
                                } | {
                                    /** @constant */
                                    in: "header";
                                    name: string;
                                } | {
                                    /** @constant */
                                    in: "query";
                                    name: string;
                                } | {
                                    /** @constant */
                                    in: "cookie";
                                    name: string;
                                };
                                /**
                                 * @default {
                                 *       "in": "header",
                                 *       "name": "x-app-key"
                                 *     }
                                 */
                                key?: {
                                    /** @constant */
                                    in: "authorization";
                                    scheme: string;
                                } | {
                                    /** @constant */
                                    in: "header";
                                    name: string;
                                } | {
                                    /** @constant */
                                    in: "query";
                                    name: string;
                                } | {
                                    /** @constant */
                                    in: "cookie";
                                    name: string;
                                };
                                /**
                                 * @description Labels that a key must have.
                                 * @default {}
                                 */
                                labels?: {
                                    [key: string]: string;
                                };
                                /**
                                 * @description Namespaces whose keys count; default: the policy's own.
                                 * @default []
                                 */
                                namespaces?: string[];
                            };
                            kubernetesTokenReview?: {
                                /** @default [] */
                                audiences?: string[];
                                /** @default 30 */
                                cacheSeconds?: number;
                                /**
                                 * @description Where it is looked for, in this order.
                                 * @default [
                                 *       {
                                 *         "in": "authorization",
                                 *         "scheme": "Bearer"
                                 *       }
                                 *     ]
                                 */
                                credentials?: ({
                                    /** @constant */
                                    in: "authorization";
                                    scheme: string;
                                } | {
                                    /** @constant */
                                    in: "header";
                                    name: string;
                                } | {
                                    /** @constant */
                                    in: "query";
                                    name: string;
                                } | {
                                    /** @constant */
                                    in: "cookie";
                                    name: string;
                                })[];
                                /** @default {} */
                                kubernetes?: {
                                    /**
                                     * @description Secrets with the issuer's CA; default: the system's.
                                     * @default []
                                     */
                                    caRefs?: {
                                        /** @default ca.crt */
                                        key?: string;
                                        /** @description Name of a Secret in the policy's namespace. */
                                        name: string;
                                    }[];
                                    /** @default 2000 */
                                    timeoutMs?: number;
                                    tokenRef?: {
                                        /** @default token */
                                        key?: string;
                                        /** @description Name of a Secret in the policy's namespace. */
                                        name: string;
                                    };
                                    /**
                                     * Format: uri
                                     * @description Default: the cluster's own, with the agent's service account.
                                     */
                                    url?: string;
                                };
                            };
                            mtls?: {
                                /** @description The certificate must chain to one of them. */
                                caRefs: {
                                    /** @default ca.crt */
                                    key?: string;
                                    /** @description Name of a Secret in the policy's namespace. */
                                    name: string;
                                }[];
                                /** @default [] */
                                dnsNames?: string[];
                                /**
                                 * @description A header with the certificate, believed from trusted proxies only.
                                 * @enum {string}
                                 */
                                header?: "client-cert" | "x-forwarded-client-cert";
                                /**
                                 * @default subject
                                 * @enum {string}
                                 */
                                principal?: "subject" | "commonName" | "spiffe" | "dns";
                                /** @default [] */
                                spiffeIds?: string[];
                                /**
                                 * @description Distinguished names; none: any.
                                 * @default []
                                 */
                                subjects?: string[];
                            };
                            oauth2Introspection?: {
                                /** @default [] */
                                audiences?: string[];
                                /** @default 30 */
                                cacheSeconds?: number;
                                /**
                                 * @description Secrets with the issuer's CA; default: the system's.
                                 * @default []
                                 */
                                caRefs?: {
                                    /** @default ca.crt */
                                    key?: string;
                                    /** @description Name of a Secret in the policy's namespace. */
                                    name: string;
                                }[];
                                clientId?: string;
                                clientSecretRef?: {
                                    /** @default client-secret */
                                    key?: string;
                                    /** @description Name of a Secret in the policy's namespace. */
                                    name: string;
                                };
                                /**
                                 * @description Where it is looked for, in this order.
                                 * @default [
                                 *       {
                                 *         "in": "authorization",
                                 *         "scheme": "Bearer"
                                 *       }
                                 *     ]
                                 */
                                credentials?: ({
                                    /** @constant */
                                    in: "authorization";
                                    scheme: string;
                                } | {
                                    /** @constant */
                                    in: "header";
                                    name: string;
                                } | {
                                    /** @constant */
                                    in: "query";
                                    name: string;
                                } | {
                                    /** @constant */
                                    in: "cookie";
                                    name: string;
                                })[];
                                /** @default 2000 */
                                timeoutMs?: number;
                                tokenTypeHint?: string;
                                /** Format: uri */
                                url: string;
                            };
                            /**
                             * @description Fields set on the identity (CEL) always.
                             * @default {}
                             */
                            overrides?: {
                                [key: string]: string;
                            };
                            /** @description The value of a header that a trusted proxy sets; ignored from others. */
                            plain?: {
                                header: string;
                            };
                            /**
                             * @description Lower goes first; equal ones in the order of their names.
                             * @default 0
                             */
                            priority?: number;
                            /**
                             * @description Not tried unless all are true.
                             * @default []
                             */
                            when?: string[];
                        };
                    };
                    /** @description All must allow. */
                    authorization?: {
                        [key: string]: {
                            /** @description All must be true. */
                            cel?: {
                                expressions: string[];
                            };
                            http?: {
                                /** @description CEL for the JSON body; default: `{"input": {request, auth}}`, as OPA takes it. */
                                body?: string;
                                cache?: {
                                    /** @description CEL: equal results share an entry. */
                                    key: string;
                                    /** @default 60 */
                                    seconds?: number;
                                };
                                /**
                                 * @description Secrets with the issuer's CA; default: the system's.
                                 * @default []
                                 */
                                caRefs?: {
                                    /** @default ca.crt */
                                    key?: string;
                                    /** @description Name of a Secret in the policy's namespace. */
                                    name: string;
                                }[];
                                /** @default {} */
                                headers?: {
                                    [key: string]: string;
                                };
                                /** @default 2000 */
                                timeoutMs?: number;
                                /** Format: uri */
                                url: string;
                            };
                            kubernetesSubjectAccessReview?: {
                                /** @default 10 */
                                cacheSeconds?: number;
                                groups?: string;
                                /** @default {} */
                                kubernetes?: {
                                    /**
                                     * @description Secrets with the issuer's CA; default: the system's.
                                     * @default []
                                     */
                                    caRefs?: {
                                        /** @default ca.crt */
                                        key?: string;
                                        /** @description Name of a Secret in the policy's namespace. */
                                        name: string;
                                    }[];
                                    /** @default 2000 */
                                    timeoutMs?: number;
                                    tokenRef?: {
                                        /** @default token */
                                        key?: string;
                                        /** @description Name of a Secret in the policy's namespace. */
                                        name: string;
                                    };
                                    /**
                                     * Format: uri
                                     * @description Default: the cluster's own, with the agent's service account.
                                     */
                                    url?: string;
                                };
                                /** @description CEL each; default: the path and method as non-resource attributes. */
                                resource?: {
                                    /** @default '' */
                                    group?: string;
                                    /** @default '' */
                                    name?: string;
                                    /** @default '' */
                                    namespace?: string;
                                    /** @default '' */
                                    resource?: string;
                                    /** @default '' */
                                    subresource?: string;
                                    /** @default 'get' */
                                    verb?: string;
                                };
                                /** @default auth.principal */
                                user?: string;
                            };
                            /**
                             * @description Lower goes first; equal ones in the order of their names.
                             * @default 0
                             */
                            priority?: number;
                            roles?: {
                                /** @default [] */
                                allOf?: string[];
                                /** @default [] */
                                anyOf?: string[];
                            };
                            scopes?: {
                                /** @default [] */
                                allOf?: string[];
                                /** @default [] */
                                anyOf?: string[];
                            };
                            /** @default [] */
                            when?: string[];
                        };
                    };
                    /** @description How long others' decisions are remembered, and what holds while they cannot be asked. */
                    decisions?: {
                        /**
                         * @description Default strict.
                         * @enum {string}
                         */
                        mode?: "strict" | "resilient" | "allow" | "none";
                        /** @description Default 2. */
                        negativeTtlSeconds?: number;
                        /** @description Default 10. */
                        ttlSeconds?: number;
                    };
                    /** @description How long keys are honoured without word from the hub; 0 (the default): for ever. */
                    maxStalenessSeconds?: number;
                    /** @description What is fetched before authorisation: `auth.metadata.<name>`. */
                    metadata?: {
                        [key: string]: {
                            cache?: {
                                /** @description CEL: equal results share an entry. */
                                key: string;
                                /** @default 60 */
                                seconds?: number;
                            };
                            http?: {
                                /** @description CEL; POST only; sent as JSON. */
                                body?: string;
                                /**
                                 * @description Secrets with the issuer's CA; default: the system's.
                                 * @default []
                                 */
                                caRefs?: {
                                    /** @default ca.crt */
                                    key?: string;
                                    /** @description Name of a Secret in the policy's namespace. */
                                    name: string;
                                }[];
                                /** @default {} */
                                headers?: {
                                    [key: string]: string;
                                };
                                /**
                                 * @default GET
                                 * @enum {string}
                                 */
                                method?: "GET" | "POST";
                                /** @default 2000 */
                                timeoutMs?: number;
                                /** Format: uri */
                                url?: string;
                                /** @description CEL that gives the URL, instead of `url`. */
                                urlExpression?: string;
                            };
                            /**
                             * @description A failed call denies, or leaves null.
                             * @default deny
                             * @enum {string}
                             */
                            onFailure?: "deny" | "null";
                            /**
                             * @description Lower goes first; equal ones in the order of their names.
                             * @default 0
                             */
                            priority?: number;
                            userInfo?: {
                                /**
                                 * @description Secrets with the issuer's CA; default: the system's.
                                 * @default []
                                 */
                                caRefs?: {
                                    /** @default ca.crt */
                                    key?: string;
                                    /** @description Name of a Secret in the policy's namespace. */
                                    name: string;
                                }[];
                                /** @description Name of the jwt rule whose token is used. */
                                identity: string;
                                /** @default 2000 */
                                timeoutMs?: number;
                                /**
                                 * Format: uri
                                 * @description Default: found by discovery at its issuer.
                                 */
                                url?: string;
                            };
                            /** @default [] */
                            when?: string[];
                        };
                    };
                    response?: {
                        /** @description Headers for the backend, CEL; a client's own of these names are removed. */
                        headers?: {
                            [key: string]: string;
                        };
                        /** @description Default status 401. */
                        unauthenticated?: {
                            /** @description CEL for the body's text; default: a problem document (RFC 9457). */
                            body?: string;
                            headers?: {
                                [key: string]: string;
                            };
                            /** @description CEL for the URL of a login page; browsers are sent there (302). */
                            redirect?: string;
                            status?: number;
                        };
                        /** @description Default status 403. */
                        unauthorized?: {
                            /** @description CEL for the body's text; default: a problem document (RFC 9457). */
                            body?: string;
                            headers?: {
                                [key: string]: string;
                            };
                            /** @description CEL for the URL of a login page; browsers are sent there (302). */
                            redirect?: string;
                            status?: number;
                        };
                    };
                    /** @description Requests for which one is false are not protected by it. */
                    when?: string[];
                };
                /**
                 * @description `atomic`: all or none of these rules; `merge`: each by its name.
                 * @default atomic
                 * @enum {string}
                 */
                strategy?: "atomic" | "merge";
            };
            /** @description Short for `defaults` with the strategy `atomic`. */
            rules?: {
                /** @description Alternatives by name; the first that finds valid credentials decides. None: anonymous. */
                authentication?: {
                    [key: string]: {
                        anonymous?: Record<string, never>;
                        apiKey?: {
                            /**
                             * @description Where it is looked for, in this order.
                             * @default [
                             *       {
                             *         "in": "header",
                             *         "name": "x-api-key"
                             *       },
                             *       {
                             *         "in": "authorization",
                             *         "scheme": "APIKEY"
                             *       }
                             *     ]
                             */
                            credentials?: ({
                                /** @constant */
                                in: "authorization";
                                scheme: string;
                            } | {
                                /** @constant */
                                in: "header";
                                name: string;
                            } | {
                                /** @constant */
                                in: "query";
                                name: string;
                            } | {
                                /** @constant */
                                in: "cookie";
                                name: string;
                            })[];
                            /**
                             * @description Labels that a key must have.
                             * @default {}
                             */
                            labels?: {
                                [key: string]: string;
                            };
                            /**
                             * @description Namespaces whose keys count; default: the policy's own.
                             * @default []
                             */
                            namespaces?: string[];
                        };
                        /**
                         * @description Fields set on the identity (CEL) where it has none.
                         * @default {}
                         */
                        defaults?: {
                            [key: string]: string;
                        };
                        jwt?: {
                            /**
                             * @default [
                             *       "RS256",
                             *       "ES256"
                             *     ]
                             */
                            algorithms?: ("RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES384" | "ES512" | "EdDSA")[];
                            /**
                             * @description One of them must be in `aud`; none: not looked at.
                             * @default []
                             */
                            audiences?: string[];
                            /**
                             * @description Secrets with the issuer's CA; default: the system's.
                             * @default []
                             */
                            caRefs?: {
                                /** @default ca.crt */
                                key?: string;
                                /** @description Name of a Secret in the policy's namespace. */
                                name: string;
                            }[];
                            /**
                             * @description Where it is looked for, in this order.
                             * @default [
                             *       {
                             *         "in": "authorization",
                             *         "scheme": "Bearer"
                             *       }
                             *     ]
                             */
                            credentials?: ({
                                /** @constant */
                                in: "authorization";
                                scheme: string;
                            } | {
                                /** @constant */
                                in: "header";
                                name: string;
                            } | {
                                /** @constant */
                                in: "query";
                                name: string;
                            } | {
                                /** @constant */
                                in: "cookie";
                                name: string;
                            })[];
                            /** @description Exactly the `iss` claim. */
                            issuer: string;
                            /** @description A JWKS of your own in a Secret, instead. */
                            jwksRef?: {
                                /** @default jwks.json */
                                key?: string;
                                /** @description Name of a Secret in the policy's namespace. */
                                name: string;
                            };
                            /**
                             * Format: uri
                             * @description Default: found by OpenID discovery at the issuer.
                             */
                            jwksUri?: string;
                            /** @default 30 */
                            leewaySeconds?: number;
                            /** @default sub */
                            principalClaim?: string;
                            /** @default [] */
                            requiredClaims?: string[];
                            /**
                             * @description Such as `realm_access.roles`.
                             * @default []
                             */
                            roleClaims?: string[];
                            /**
                             * @default [
                             *       "scope"
                             *     ]
                             */
                            scopeClaims?: string[];
                            /** @default 2000 */
                            timeoutMs?: number;
                            /** @description Required `typ`, such as at+jwt. */
                            tokenType?: string;
                        };
                        /** @description An application id and a key that belongs to it. */
                        keyPair?: {
                            /**
                             * @description HTTP Basic with id and key as well.
                             * @default false
                             */
                            basic?: boolean;
                            /**
                             * @default {
                             *       "in": "header",
                             *       "name": "x-app-id"
                             *     }
                             */
                            id?: {
                                /** @constant */
                                in: "authorization";
                                scheme: string;
                            } | {
                                /** @constant */
                                in: "header";
                                name: string;
                            } | {
                                /** @constant */
                                in: "query";
                                name: string;
                            } | {
                                /** @constant */
                                in: "cookie";
                                name: string;
                            };
                            /**
                             * @default {
                             *       "in": "header",
                             *       "name": "x-app-key"
                             *     }
                             */
                            key?: {
                                /** @constant */
                                in: "authorization";
                                scheme: string;
                            } | {
                                /** @constant */
                                in: "header";
                                name: string;
                            } | {
                                /** @constant */
                                in: "query";
                                name: string;
                            } | {
                                /** @constant */
                                in: "cookie";
                                name: string;
                            };
                            /**
                             * @description Labels that a key must have.
                             * @default {}
                             */
                            labels?: {
                                [key: string]: string;
                            };
                            /**
                             * @description Namespaces whose keys count; default: the policy's own.
                             * @default []
                             */
                            namespaces?: string[];
                        };
                        kubernetesTokenReview?: {
                            /** @default [] */
                            audiences?: string[];
                            /** @default 30 */
                            cacheSeconds?: number;
                            /**
                             * @description Where it is looked for, in this order.
                             * @default [
                             *       {
                             *         "in": "authorization",
                             *         "scheme": "Bearer"
                             *       }
                             *     ]
                             */
                            credentials?: ({
                                /** @constant */
                                in: "authorization";
                                scheme: string;
                            } | {
                                /** @constant */
                                in: "header";
                                name: string;
                            } | {
                                /** @constant */
                                in: "query";
                                name: string;
                            } | {
                                /** @constant */
                                in: "cookie";
                                name: string;
                            })[];
                            /** @default {} */
                            kubernetes?: {
                                /**
                                 * @description Secrets with the issuer's CA; default: the system's.
                                 * @default []
                                 */
                                caRefs?: {
                                    /** @default ca.crt */
                                    key?: string;
                                    /** @description Name of a Secret in the policy's namespace. */
                                    name: string;
                                }[];
                                /** @default 2000 */
                                timeoutMs?: number;
                                tokenRef?: {
                                    /** @default token */
                                    key?: string;
                                    /** @description Name of a Secret in the policy's namespace. */
                                    name: string;
                                };
                                /**
                                 * Format: uri
                                 * @description Default: the cluster's own, with the agent's service account.
                                 */
                                url?: string;
                            };
                        };
                        mtls?: {
                            /** @description The certificate must chain to one of them. */
                            caRefs: {
                                /** @default ca.crt */
                                key?: string;
                                /** @description Name of a Secret in the policy's namespace. */
                                name: string;
                            }[];
                            /** @default [] */
                            dnsNames?: string[];
                            /**
                             * @description A header with the certificate, believed from trusted proxies only.
                             * @enum {string}
                             */
                            header?: "client-cert" | "x-forwarded-client-cert";
                            /**
                             * @default subject
                             * @enum {string}
                             */
                            principal?: "subject" | "commonName" | "spiffe" | "dns";
                            /** @default [] */
                            spiffeIds?: string[];
                            /**
                             * @description Distinguished names; none: any.
                             * @default []
                             */
                            subjects?: string[];
                        };
                        oauth2Introspection?: {
                            /** @default [] */
                            audiences?: string[];
                            /** @default 30 */
                            cacheSeconds?: number;
                            /**
                             * @description Secrets with the issuer's CA; default: the system's.
                             * @default []
                             */
                            caRefs?: {
                                /** @default ca.crt */
                                key?: string;
                                /** @description Name of a Secret in the policy's namespace. */
                                name: string;
                            }[];
                            clientId?: string;
                            clientSecretRef?: {
                                /** @default client-secret */
                                key?: string;
                                /** @description Name of a Secret in the policy's namespace. */
                                name: string;
                            };
                            /**
                             * @description Where it is looked for, in this order.
                             * @default [
                             *       {
                             *         "in": "authorization",
                             *         "scheme": "Bearer"
                             *       }
                             *     ]
                             */
                            credentials?: ({
                                /** @constant */
                                in: "authorization";
                                scheme: string;
                            } | {
                                /** @constant */
                                in: "header";
                                name: string;
                            } | {
                                /** @constant */
                                in: "query";
                                name: string;
                            } | {
                                /** @constant */
                                in: "cookie";
                                name: string;
                            })[];
                            /** @default 2000 */
                            timeoutMs?: number;
                            tokenTypeHint?: string;
                            /** Format: uri */
                            url: string;
                        };
                        /**
                         * @description Fields set on the identity (CEL) always.
                         * @default {}
                         */
                        overrides?: {
                            [key: string]: string;
                        };
                        /** @description The value of a header that a trusted proxy sets; ignored from others. */
                        plain?: {
                            header: string;
                        };
                        /**
                         * @description Lower goes first; equal ones in the order of their names.
                         * @default 0
                         */
                        priority?: number;
                        /**
                         * @description Not tried unless all are true.
                         * @default []
                         */
                        when?: string[];
                    };
                };
                /** @description All must allow. */
                authorization?: {
                    [key: string]: {
                        /** @description All must be true. */
                        cel?: {
                            expressions: string[];
                        };
                        http?: {
                            /** @description CEL for the JSON body; default: `{"input": {request, auth}}`, as OPA takes it. */
                            body?: string;
                            cache?: {
                                /** @description CEL: equal results share an entry. */
                                key: string;
                                /** @default 60 */
                                seconds?: number;
                            };
                            /**
                             * @description Secrets with the issuer's CA; default: the system's.
                             * @default []
                             */
                            caRefs?: {
                                /** @default ca.crt */
                                key?: string;
                                /** @description Name of a Secret in the policy's namespace. */
                                name: string;
                            }[];
                            /** @default {} */
                            headers?: {
                                [key: string]: string;
                            };
                            /** @default 2000 */
                            timeoutMs?: number;
                            /** Format: uri */
                            url: string;
                        };
                        kubernetesSubjectAccessReview?: {
                            /** @default 10 */
                            cacheSeconds?: number;
                            groups?: string;
                            /** @default {} */
                            kubernetes?: {
                                /**
                                 * @description Secrets with the issuer's CA; default: the system's.
                                 * @default []
                                 */
                                caRefs?: {
                                    /** @default ca.crt */
                                    key?: string;
                                    /** @description Name of a Secret in the policy's namespace. */
                                    name: string;
                                }[];
                                /** @default 2000 */
                                timeoutMs?: number;
                                tokenRef?: {
                                    /** @default token */
                                    key?: string;
                                    /** @description Name of a Secret in the policy's namespace. */
                                    name: string;
                                };
                                /**
                                 * Format: uri
                                 * @description Default: the cluster's own, with the agent's service account.
                                 */
                                url?: string;
                            };
                            /** @description CEL each; default: the path and method as non-resource attributes. */
                            resource?: {
                                /** @default '' */
                                group?: string;
                                /** @default '' */
                                name?: string;
                                /** @default '' */
                                namespace?: string;
                                /** @default '' */
                                resource?: string;
                                /** @default '' */
                                subresource?: string;
                                /** @default 'get' */
                                verb?: string;
                            };
                            /** @default auth.principal */
                            user?: string;
                        };
                        /**
                         * @description Lower goes first; equal ones in the order of their names.
                         * @default 0
                         */
                        priority?: number;
                        roles?: {
                            /** @default [] */
                            allOf?: string[];
                            /** @default [] */
                            anyOf?: string[];
                        };
                        scopes?: {
                            /** @default [] */
                            allOf?: string[];
                            /** @default [] */
                            anyOf?: string[];
                        };
                        /** @default [] */
                        when?: string[];
                    };
                };
                /** @description How long others' decisions are remembered, and what holds while they cannot be asked. */
                decisions?: {
                    /**
                     * @description Default strict.
                     * @enum {string}
                     */
                    mode?: "strict" | "resilient" | "allow" | "none";
                    /** @description Default 2. */
                    negativeTtlSeconds?: number;
                    /** @description Default 10. */
                    ttlSeconds?: number;
                };
                /** @description How long keys are honoured without word from the hub; 0 (the default): for ever. */
                maxStalenessSeconds?: number;
                /** @description What is fetched before authorisation: `auth.metadata.<name>`. */
                metadata?: {
                    [key: string]: {
                        cache?: {
                            /** @description CEL: equal results share an entry. */
                            key: string;
                            /** @default 60 */
                            seconds?: number;
                        };
                        http?: {
                            /** @description CEL; POST only; sent as JSON. */
                            body?: string;
                            /**
                             * @description Secrets with the issuer's CA; default: the system's.
                             * @default []
                             */
                            caRefs?: {
                                /** @default ca.crt */
                                key?: string;
                                /** @description Name of a Secret in the policy's namespace. */
                                name: string;
                            }[];
                            /** @default {} */
                            headers?: {
                                [key: string]: string;
                            };
                            /**
                             * @default GET
                             * @enum {string}
                             */
                            method?: "GET" | "POST";
                            /** @default 2000 */
                            timeoutMs?: number;
                            /** Format: uri */
                            url?: string;
                            /** @description CEL that gives the URL, instead of `url`. */
                            urlExpression?: string;
                        };
                        /**
                         * @description A failed call denies, or leaves null.
                         * @default deny
                         * @enum {string}
                         */
                        onFailure?: "deny" | "null";
                        /**
                         * @description Lower goes first; equal ones in the order of their names.
                         * @default 0
                         */
                        priority?: number;
                        userInfo?: {
                            /**
                             * @description Secrets with the issuer's CA; default: the system's.
                             * @default []
                             */
                            caRefs?: {
                                /** @default ca.crt */
                                key?: string;
                                /** @description Name of a Secret in the policy's namespace. */
                                name: string;
                            }[];
                            /** @description Name of the jwt rule whose token is used. */
                            identity: string;
                            /** @default 2000 */
                            timeoutMs?: number;
                            /**
                             * Format: uri
                             * @description Default: found by discovery at its issuer.
                             */
                            url?: string;
                        };
                        /** @default [] */
                        when?: string[];
                    };
                };
                response?: {
                    /** @description Headers for the backend, CEL; a client's own of these names are removed. */
                    headers?: {
                        [key: string]: string;
                    };
                    /** @description Default status 401. */
                    unauthenticated?: {
                        /** @description CEL for the body's text; default: a problem document (RFC 9457). */
                        body?: string;
                        headers?: {
                            [key: string]: string;
                        };
                        /** @description CEL for the URL of a login page; browsers are sent there (302). */
                        redirect?: string;
                        status?: number;
                    };
                    /** @description Default status 403. */
                    unauthorized?: {
                        /** @description CEL for the body's text; default: a problem document (RFC 9457). */
                        body?: string;
                        headers?: {
                            [key: string]: string;
                        };
                        /** @description CEL for the URL of a login page; browsers are sent there (302). */
                        redirect?: string;
                        status?: number;
                    };
                };
                /** @description Requests for which one is false are not protected by it. */
                when?: string[];
            };
            /** @description Instead of targetRefs: every gateway these labels fit; of every namespace when written in `default` (by an admin). */
            selector?: {
                /** @description Labels that a Cluster must have. */
                clusters?: {
                    [key: string]: string;
                };
                /** @description Labels that a Gateway must have. */
                gateways?: {
                    [key: string]: string;
                };
            };
            /** @description What it holds for, in its own namespace. */
            targetRefs?: {
                /** @default gateway.networking.k8s.io */
                group?: string;
                /** @enum {string} */
                kind: "Gateway" | "HTTPRoute" | "GRPCRoute";
                name: string;
                /** @description A Gateway's listener, or a route's rule by its name. */
                sectionName?: string;
            }[];
        };
        Backend: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "Backend";
            metadata: components["schemas"]["Metadata"];
            spec: components["schemas"]["BackendSpec"];
            status?: {
                conditions?: components["schemas"]["Condition"][];
            } & {
                [key: string]: unknown;
            };
        };
        BackendInput: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "Backend";
            metadata: {
                annotations?: {
                    [key: string]: string;
                };
                creationTimestamp?: string;
                deletionTimestamp?: string;
                finalizers?: string[];
                generation?: number;
                labels?: {
                    [key: string]: string;
                };
                name: string;
                /** @default default */
                namespace?: string;
                /** @description When given, the write succeeds only if it still is the stored one. */
                resourceVersion?: string;
                uid?: string;
            };
            spec: components["schemas"]["BackendSpec"];
            status?: unknown;
        };
        BackendList: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            items: components["schemas"]["Backend"][];
            /** @constant */
            kind: "BackendList";
            metadata: {
                resourceVersion: string;
            };
        };
        BackendSpec: {
            /**
             * @default roundRobin
             * @enum {string}
             */
            balance?: "roundRobin" | "leastRequest" | "random";
            /** @default 2000 */
            connectTimeoutMs?: number;
            endpoints?: {
                /** @description IP address, or a DNS name that the agent looks up. */
                address: (string) | string;
                /** @description Only gateways of this cluster use it; default: all. */
                cluster?: string;
                port: number;
                /** @description Only for references that name this port; default: whatever port they name. */
                servicePort?: number;
                /**
                 * @description Share relative to the other endpoints.
                 * @default 1
                 */
                weight?: number;
            }[];
            /** @description GET by each gateway thread; none when left out. */
            healthCheck?: {
                /** @default 3 */
                fall?: number;
                /** @default 5000 */
                intervalMs?: number;
                /** @default / */
                path?: string;
                /** @default 2 */
                rise?: number;
                /**
                 * @default [
                 *       200
                 *     ]
                 */
                statuses?: number[];
                /** @default 1000 */
                timeoutMs?: number;
            };
            /**
             * @description How long an unused connection is kept; less than the backend keeps it.
             * @default 30000
             */
            idleTimeoutMs?: number;
            /** @default {} */
            limits?: {
                /**
                 * @description Connections per endpoint and gateway thread.
                 * @default 1024
                 */
                maxConnections?: number;
                /**
                 * @description Requests that wait for a connection; more are answered 503.
                 * @default 1024
                 */
                maxPendingRequests?: number;
            };
            /**
             * @description An endpoint that fails this often in a row is left out for a while.
             * @default {}
             */
            outlierEjection?: {
                /** @default 30000 */
                baseEjectionMs?: number;
                /** @default 5 */
                consecutiveFailures?: number;
                /** @default 50 */
                maxEjectedPercent?: number;
            };
            /**
             * @description `h2` without TLS is prior knowledge (h2c). A GRPCRoute uses `h2` always.
             * @default http/1.1
             * @enum {string}
             */
            protocol?: "http/1.1" | "h2";
        };
        BackendTLSPolicy: {
            /** @constant */
            apiVersion: "gateway.networking.k8s.io/v1";
            /** @constant */
            kind: "BackendTLSPolicy";
            metadata: components["schemas"]["Metadata"];
            spec: components["schemas"]["BackendTLSPolicySpec"];
            status?: {
                conditions?: components["schemas"]["Condition"][];
            } & {
                [key: string]: unknown;
            };
        };
        BackendTLSPolicyInput: {
            /** @constant */
            apiVersion: "gateway.networking.k8s.io/v1";
            /** @constant */
            kind: "BackendTLSPolicy";
            metadata: {
                annotations?: {
                    [key: string]: string;
                };
                creationTimestamp?: string;
                deletionTimestamp?: string;
                finalizers?: string[];
                generation?: number;
                labels?: {
                    [key: string]: string;
                };
                name: string;
                /** @default default */
                namespace?: string;
                /** @description When given, the write succeeds only if it still is the stored one. */
                resourceVersion?: string;
                uid?: string;
            };
            spec: components["schemas"]["BackendTLSPolicySpec"];
            status?: unknown;
        };
        BackendTLSPolicyList: {
            /** @constant */
            apiVersion: "gateway.networking.k8s.io/v1";
            items: components["schemas"]["BackendTLSPolicy"][];
            /** @constant */
            kind: "BackendTLSPolicyList";
            metadata: {
                resourceVersion: string;
            };
        };
        BackendTLSPolicySpec: {
            /** @description A Service (group "") or Backend (group `portolan.dev`) of this namespace. */
            targetRefs: {
                group: string;
                kind: string;
                name: string;
                /** @description Port of the Service; default: all. */
                sectionName?: string;
            }[];
            validation: {
                /** @default [] */
                caCertificateRefs?: {
                    group: string;
                    kind: string;
                    /** @description A Secret with `ca.crt`, PEM. */
                    name: string;
                }[];
                /** @description Sent as server name, and what the certificate must be for. */
                hostname: string;
                /**
                 * @description When given, the certificate must have one of these; the hostname is then for the server name only.
                 * @default []
                 */
                subjectAltNames?: ({
                    hostname: string;
                    /** @constant */
                    type: "Hostname";
                } | {
                    /** @constant */
                    type: "URI";
                    uri: string;
                })[];
                /** @constant */
                wellKnownCACertificates?: "System";
            };
        };
        CallerRouting: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "CallerRouting";
            metadata: components["schemas"]["Metadata"];
            spec: components["schemas"]["CallerRoutingSpec"];
            status?: {
                conditions?: components["schemas"]["Condition"][];
            } & {
                [key: string]: unknown;
            };
        };
        CallerRoutingInput: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "CallerRouting";
            metadata: {
                annotations?: {
                    [key: string]: string;
                };
                creationTimestamp?: string;
                deletionTimestamp?: string;
                finalizers?: string[];
                generation?: number;
                labels?: {
                    [key: string]: string;
                };
                name: string;
                /** @default default */
                namespace?: string;
                /** @description When given, the write succeeds only if it still is the stored one. */
                resourceVersion?: string;
                uid?: string;
            };
            spec: components["schemas"]["CallerRoutingSpec"];
            status?: unknown;
        };
        CallerRoutingList: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            items: components["schemas"]["CallerRouting"][];
            /** @constant */
            kind: "CallerRoutingList";
            metadata: {
                resourceVersion: string;
            };
        };
        CallerRoutingSpec: {
            /** @description The first whose `when` is true takes the place of the rule's backends; none: the rule's own. */
            rules: {
                backendRefs: {
                    /** @default  */
                    group?: string;
                    /**
                     * @description `Service` (which leads to the Backend of that name) or, with group `portolan.dev`, `Backend`.
                     * @default Service
                     */
                    kind?: string;
                    name: string;
                    /** @description Default: the route's own; another one takes a ReferenceGrant there. */
                    namespace?: string;
                    /** @description Needed for a Service. */
                    port?: number;
                    /**
                     * @description Share relative to the rule's other backends; 0: none.
                     * @default 1
                     */
                    weight?: number;
                }[];
                /** @description Name of the rule, for policies that target it and for `explain`. */
                name?: string;
                /** @description CEL over request, source and auth, such as `'partner' in auth.roles`. */
                when: string;
            }[];
        };
        Certificate: {
            clusters: {
                delivered: boolean;
                detail?: string;
                name: string;
                /** @enum {string} */
                served: "yes" | "no" | "pending" | "off";
            }[];
            dnsNames: string[];
            id: string;
            issuer: string;
            key: {
                /** @enum {string} */
                algorithm: "ECDSA-P256" | "ECDSA-P384" | "RSA-2048" | "RSA-3072" | "RSA-4096";
                cluster?: string;
                /** @enum {string} */
                location: "hub" | "agent";
                reuse: boolean;
            };
            message?: string;
            namespace: string;
            notAfter?: string;
            notBefore?: string;
            policy: string;
            renewAt?: string;
            serial?: string;
            sha256?: string;
            /** @enum {string} */
            state: "waiting" | "ordering" | "valid" | "expiring" | "expired" | "failing";
        };
        CertificateChain: {
            /** @description Leaf first. */
            certificatePem: string;
        };
        CertificateDetail: {
            ari?: {
                end: string;
                explanationUrl?: string;
                nextCheckAt: string;
                start: string;
            };
            chain: {
                issuer: string;
                notAfter: string;
                notBefore: string;
                serial: string;
                subject: string;
            }[];
            clusters: {
                delivered: boolean;
                detail?: string;
                name: string;
                /** @enum {string} */
                served: "yes" | "no" | "pending" | "off";
            }[];
            dnsNames: string[];
            failures?: {
                byIssuer: {
                    [key: string]: number;
                };
                code: string;
                count: number;
                firstAt: string;
                fix?: string;
                lastAt: string;
                message: string;
                nextTryAt: string;
            };
            forecast: components["schemas"]["CertificateForecast"][];
            id: string;
            issuer: string;
            key: {
                /** @enum {string} */
                algorithm: "ECDSA-P256" | "ECDSA-P384" | "RSA-2048" | "RSA-3072" | "RSA-4096";
                cluster?: string;
                /** @enum {string} */
                location: "hub" | "agent";
                reuse: boolean;
            };
            message?: string;
            namespace: string;
            notAfter?: string;
            notBefore?: string;
            order?: {
                challenges: {
                    name: string;
                    /** @enum {string} */
                    type: "dns-01" | "http-01" | "tls-alpn-01";
                    waitsFor: string;
                }[];
                dnsNames: string[];
                expiresAt?: string;
                issuer: string;
                /** @enum {string} */
                phase: "intended" | "ordered" | "challenged" | "answered" | "finalizing";
                replaces: boolean;
                startedAt: string;
                url?: string;
                waitsFor: string;
            };
            policy: string;
            renewal: {
                at?: string;
                why: string;
            };
            renewAt?: string;
            revocation?: {
                askedAt: string;
                /** @enum {string} */
                reason: "unspecified" | "keyCompromise" | "affiliationChanged" | "superseded" | "cessationOfOperation";
                serial: string;
            };
            revokedAt?: string;
            serial?: string;
            sha256?: string;
            /** @enum {string} */
            state: "waiting" | "ordering" | "valid" | "expiring" | "expired" | "failing";
        };
        CertificateForecast: {
            allowed: number;
            fitsAt?: string;
            issuer: string;
            /** @enum {string} */
            limit: "certificatesPerNameSet" | "certificatesPerDomain" | "ordersPerAccount" | "failuresPerName";
            subject: string;
            text: string;
            used: number;
            windowSeconds: number;
        };
        CertificateHistory: {
            id: string;
            items: {
                at: string;
                detail?: string;
                dnsNames: string[];
                /** @enum {string} */
                event: "issued" | "renewed" | "failed" | "revoked" | "abandoned";
                issuer: string;
                serial?: string;
            }[];
        };
        CertificateList: {
            items: components["schemas"]["Certificate"][];
        };
        CertificatePolicy: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "CertificatePolicy";
            metadata: components["schemas"]["Metadata"];
            spec: components["schemas"]["CertificatePolicySpec"];
            status?: {
                conditions?: components["schemas"]["Condition"][];
            } & {
                [key: string]: unknown;
            };
        };
        CertificatePolicyInput: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "CertificatePolicy";
            metadata: {
                annotations?: {
                    [key: string]: string;
                };
                creationTimestamp?: string;
                deletionTimestamp?: string;
                finalizers?: string[];
                generation?: number;
                labels?: {
                    [key: string]: string;
                };
                name: string;
                /** @default default */
                namespace?: string;
                /** @description When given, the write succeeds only if it still is the stored one. */
                resourceVersion?: string;
                uid?: string;
            };
            spec: components["schemas"]["CertificatePolicySpec"];
            status?: unknown;
        };
        CertificatePolicyList: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            items: components["schemas"]["CertificatePolicy"][];
            /** @constant */
            kind: "CertificatePolicyList";
            metadata: {
                resourceVersion: string;
            };
        };
        CertificatePolicySpec: {
            /**
             * @description `auto`: dns-01 where a Zone or DNSProvider of the namespace holds the name (or what its `_acme-challenge` leads to), else http-01 through the gateways.
             * @default auto
             * @enum {string}
             */
            challenge?: "auto" | "dns-01" | "http-01" | "tls-alpn-01";
            /** @description Labels of Clusters that get it, whether a Gateway there names it or not: for files and Kubernetes Secrets (`certificates.exports` of the agent). */
            clusters?: {
                [key: string]: string;
            };
            /** @description Default, without `selector`: the hostnames of the listeners whose `tls.certificateRefs` name this policy. */
            dnsNames?: string[];
            /** @description Issuers of the same namespace: the first that can; the others stand in while it cannot be had. */
            issuers: string[];
            /** @default {} */
            key?: {
                /**
                 * @default ECDSA-P256
                 * @enum {string}
                 */
                algorithm?: "ECDSA-P256" | "ECDSA-P384" | "RSA-2048" | "RSA-3072" | "RSA-4096";
                /** @description With `location: agent`: a further name per cluster, such as `{cluster}.shop.example.com`, so that a CA does not count the same set of names once per cluster. */
                clusterName?: string;
                /**
                 * @description `agent`: each cluster makes a key that never leaves it, and gets a certificate of its own for it.
                 * @default hub
                 * @enum {string}
                 */
                location?: "hub" | "agent";
                /**
                 * @description Keep the key when the certificate is renewed.
                 * @default false
                 */
                reuse?: boolean;
            };
            /**
             * @description More names than this become several certificates.
             * @default 100
             */
            namesPerCertificate?: number;
            /** @default {} */
            renewal?: {
                /**
                 * @description Follow the window that the CA suggests (RFC 9773), where it does.
                 * @default true
                 */
                ari?: boolean;
                /** @description Of its life, when it is renewed without a suggestion; default 33, of lives to 10 days 50. */
                remainingPercent?: number;
            };
            /** @description Names taken from other objects of the namespace, beside `dnsNames`. */
            selector?: {
                /** @description Labels that a Gateway must have: its listeners' hostnames. */
                gateways?: {
                    [key: string]: string;
                };
                /** @description Labels that a TrafficPolicy must have: its hostnames. */
                trafficPolicies?: {
                    [key: string]: string;
                };
            };
        };
        CertificateRenewal: {
            certificate: components["schemas"]["CertificateDetail"];
            message: string;
            warnings: string[];
        };
        CertificateRenewalRequest: {
            /**
             * @description Nothing is stored or asked of the CA.
             * @default false
             */
            dryRun?: boolean;
            /**
             * @description Also when a limit of the CA is known to be used up; needs a reason.
             * @default false
             */
            force?: boolean;
            /** @description For the audit log. */
            reason?: string;
        };
        CertificateRevocationRequest: {
            /**
             * @description Nothing is stored or asked of the CA.
             * @default false
             */
            dryRun?: boolean;
            /**
             * @description At once, and not after the replacement is there; also when no policy wants it any more.
             * @default false
             */
            force?: boolean;
            /**
             * @description RFC 5280 section 5.3.1.
             * @enum {string}
             */
            reason: "unspecified" | "keyCompromise" | "affiliationChanged" | "superseded" | "cessationOfOperation";
        };
        CertificateTrial: {
            directory: string;
            dnsNames: string[];
            finishedAt?: string;
            issuer: string;
            policy: string;
            problem?: {
                code: string;
                fix: string;
                message: string;
            };
            startedAt: string;
            /** @enum {string} */
            state: "running" | "passed" | "failed";
            steps: {
                at: string;
                text: string;
            }[];
        };
        CertificateTrialRequest: {
            /** @description Default: the policy's first. */
            issuer?: string;
        };
        Cluster: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "Cluster";
            metadata: components["schemas"]["Metadata"];
            spec: components["schemas"]["ClusterSpec"];
            status?: {
                conditions?: components["schemas"]["Condition"][];
            } & {
                [key: string]: unknown;
            };
        };
        ClusterAction: {
            cluster: string;
            message: string;
            /** @enum {string} */
            state: "draining" | "active" | "removing" | "removed";
            warnings: string[];
        };
        ClusterInput: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "Cluster";
            metadata: {
                annotations?: {
                    [key: string]: string;
                };
                creationTimestamp?: string;
                deletionTimestamp?: string;
                finalizers?: string[];
                generation?: number;
                labels?: {
                    [key: string]: string;
                };
                name: string;
                /** @default default */
                namespace?: string;
                /** @description When given, the write succeeds only if it still is the stored one. */
                resourceVersion?: string;
                uid?: string;
            };
            spec: components["schemas"]["ClusterSpec"];
            status?: unknown;
        };
        ClusterInventory: {
            /** @description Since then the first whole inventory is waited for; the agent keeps its snapshot meanwhile. */
            awaitedSince?: string;
            cluster: string;
            /** @description What was found and can be used, by kind. */
            counts: {
                [key: string]: number;
            };
            items: components["schemas"]["InventoryItem"][];
            /** @description False: this is what the agent told last; it is away. */
            live: boolean;
        };
        ClusterList: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            items: components["schemas"]["Cluster"][];
            /** @constant */
            kind: "ClusterList";
            metadata: {
                resourceVersion: string;
            };
        };
        ClusterSpec: {
            /** @description Public ingress addresses: the default for endpoints on this cluster that list none. Empty: those that its agent finds in Kubernetes. */
            addresses?: (string)[];
            /** @description Clusters that fail together share one; a quorum counts failure domains, not clusters. Default: the cluster's name. */
            failureDomain?: string;
            /** @description Where the cluster runs; decides residency and distance. */
            location: {
                /** @description ISO 3166-1 alpha-2, upper case, such as DE. */
                country: string;
                latitude?: number;
                longitude?: number;
                /** @description ISO 3166-2, such as US-CA. */
                subdivision?: string;
            };
        };
        ClusterToken: {
            command: string;
            expiresAt: string;
            token: string;
        };
        ClusterTokenInput: {
            /** @default 900 */
            ttlSeconds?: number;
        };
        CompileReport: {
            features: {
                detail: string;
                /** @enum {string} */
                feature: "geo" | "subnets" | "weights" | "failover" | "residency" | "sticky" | "dynamicTtl" | "panic" | "capacityFloor" | "drainRamp" | "nearest" | "maxAnswers" | "mixedTypes";
                fix?: string;
                /** @enum {string} */
                handling: "native" | "computed" | "lost" | "refused";
            }[];
            hostname: string;
            hubDown: string;
            /** @enum {string} */
            outcome: "native" | "computed" | "delegated" | "refused";
            provider: string;
            refusal?: {
                fix: string;
                message: string;
            };
            zone: string;
        };
        CompileReports: {
            items: components["schemas"]["CompileReport"][];
        };
        Condition: {
            lastTransitionTime: string;
            message: string;
            observedGeneration: number;
            reason: string;
            /** @enum {string} */
            status: "True" | "False" | "Unknown";
            type: string;
        };
        DNSProvider: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "DNSProvider";
            metadata: components["schemas"]["Metadata"];
            spec: components["schemas"]["DNSProviderSpec"];
            status?: {
                conditions?: components["schemas"]["Condition"][];
            } & {
                [key: string]: unknown;
            };
        };
        DNSProviderInput: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "DNSProvider";
            metadata: {
                annotations?: {
                    [key: string]: string;
                };
                creationTimestamp?: string;
                deletionTimestamp?: string;
                finalizers?: string[];
                generation?: number;
                labels?: {
                    [key: string]: string;
                };
                name: string;
                /** @default default */
                namespace?: string;
                /** @description When given, the write succeeds only if it still is the stored one. */
                resourceVersion?: string;
                uid?: string;
            };
            spec: components["schemas"]["DNSProviderSpec"];
            status?: unknown;
        };
        DNSProviderList: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            items: components["schemas"]["DNSProvider"][];
            /** @constant */
            kind: "DNSProviderList";
            metadata: {
                resourceVersion: string;
            };
        };
        DNSProviderSpec: {
            azure?: {
                /**
                 * Format: uri
                 * @description Where tokens come from; default: the public cloud.
                 */
                authorityHost?: string;
                /** @description PEM bundle to trust instead of the system's roots. */
                caSecret?: {
                    key: string;
                    name: string;
                };
                clientId?: string;
                /**
                 * Format: uri
                 * @description Another endpoint than the provider's own, such as a private one.
                 */
                endpoint?: string;
                resourceGroup: string;
                /** @description Secret with `clientSecret`; default: workload identity, then the managed identity (of `clientId`, if given). */
                secret?: string;
                subscriptionId: string;
                tenantId?: string;
                /**
                 * @description Route by Traffic Manager profiles in the same resource group; else plain records.
                 * @default false
                 */
                trafficManager?: boolean;
            };
            /**
             * @description `never`: names are created and changed, but none is removed.
             * @default allow
             * @enum {string}
             */
            deletions?: "allow" | "never";
            /**
             * @description How often a zone is read again although nothing changed here.
             * @default 300
             */
            driftCheckSeconds?: number;
            /**
             * @description Plans are made and shown, but nothing is written.
             * @default false
             */
            frozen?: boolean;
            google?: {
                /** @description PEM bundle to trust instead of the system's roots. */
                caSecret?: {
                    key: string;
                    name: string;
                };
                /**
                 * Format: uri
                 * @description Another endpoint than the provider's own, such as a private one.
                 */
                endpoint?: string;
                /** @description A global external health check (`projects/…/global/healthChecks/…`), for decider `native` or `both`. */
                healthCheck?: string;
                project: string;
                /** @description Secret with `credentials.json` (a service account or workload identity federation); default: the application default credentials. */
                secret?: string;
            };
            /**
             * @description A plan that removes more of the owned names of a zone waits for approval; one name always may go.
             * @default 30
             */
            maxRemovedPercent?: number;
            powerdns?: {
                /** @description PEM bundle to trust instead of the system's roots. */
                caSecret?: {
                    key: string;
                    name: string;
                };
                /**
                 * @description Route by LUA records; PowerDNS must have `enable-lua-records` set.
                 * @default false
                 */
                lua?: boolean;
                /** @description Secret with `apiKey`. */
                secret: string;
                /**
                 * @description Server id in the API.
                 * @default localhost
                 */
                server?: string;
                /**
                 * Format: uri
                 * @description Of the API: `https://ns1.example.com:8081`.
                 */
                url: string;
            };
            /** @description Default: what the provider allows an account. Lower it where others use the account, too. */
            requestsPerSecond?: number;
            rfc2136?: {
                /** @default 53 */
                port?: number;
                server: string;
                /**
                 * @description How long one answer may take, milliseconds; longer than the slowest one that is to count.
                 * @default 45000
                 */
                timeoutMs?: number;
                /** @description Secret with the TSIG key: `name`, `algorithm` (hmac-sha256, hmac-sha384 or hmac-sha512) and `secret` (base64). */
                tsigSecret: string;
            };
            route53?: {
                assumeRole?: {
                    externalId?: string;
                    roleArn: string;
                };
                /** @description PEM bundle to trust instead of the system's roots. */
                caSecret?: {
                    key: string;
                    name: string;
                };
                /**
                 * Format: uri
                 * @description Another endpoint than the provider's own, such as a private one.
                 */
                endpoint?: string;
                /**
                 * @description Of the health checks made with decider `native` or `both`.
                 * @default {}
                 */
                healthChecks?: {
                    /** @default 3 */
                    failureThreshold?: number;
                    /** @default 30 */
                    intervalSeconds?: 10 | 30;
                };
                /**
                 * @description Region that requests are signed for.
                 * @default us-east-1
                 */
                region?: string;
                /** @description Secret with `accessKeyId`, `secretAccessKey` and, if temporary, `sessionToken`; default: the chain of the AWS SDK (environment, IRSA, instance). */
                secret?: string;
            };
            /**
             * @description After a change every authoritative server is asked until all agree.
             * @default {}
             */
            verify?: {
                /** @default true */
                enabled?: boolean;
                /**
                 * @description Authoritative servers to ask; default: the addresses of those the provider names.
                 * @default []
                 */
                servers?: {
                    address: string;
                    /** @default 53 */
                    port?: number;
                }[];
                /** @default 120 */
                timeoutSeconds?: number;
            };
            /** @description A hostname of a TrafficPolicy is published into the zone with the longest origin; into each of them, if several have it. */
            zones: {
                /** @description Which one, where several have this origin. */
                id?: string;
                /** @description Apex of a zone at the provider. It must exist there. */
                origin: string;
                /**
                 * @description A zone that only private networks see.
                 * @default false
                 */
                private?: boolean;
            }[];
        };
        Documents: {
            /** @default [] */
            delete?: {
                /** @enum {string} */
                kind: "Cluster" | "TrafficPolicy" | "HealthCheck" | "Zone" | "DNSProvider" | "Secret" | "Drain" | "Drill" | "Gateway" | "HTTPRoute" | "GRPCRoute" | "BackendTLSPolicy" | "ReferenceGrant" | "Backend" | "AuthPolicy" | "GatewayPolicy" | "RateLimitPolicy" | "CallerRouting" | "Issuer" | "CertificatePolicy";
                name: string;
                /** @default default */
                namespace?: string;
            }[];
            /** @default [] */
            documents?: unknown[];
        };
        Drain: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "Drain";
            metadata: components["schemas"]["Metadata"];
            spec: components["schemas"]["DrainSpec"];
            status?: {
                conditions?: components["schemas"]["Condition"][];
            } & {
                [key: string]: unknown;
            };
        };
        DrainInput: {
            /** Format: date-time */
            expiresAt?: string;
            /** @default  */
            reason?: string;
        };
        DrainList: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            items: components["schemas"]["Drain"][];
            /** @constant */
            kind: "DrainList";
            metadata: {
                resourceVersion: string;
            };
        };
        DrainSpec: {
            cluster: string;
            /**
             * Format: date-time
             * @description RFC 3339; the drain ends by itself then, also at agents that cannot reach the hub.
             */
            expiresAt?: string;
            /** @default  */
            reason?: string;
        };
        Drill: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "Drill";
            metadata: components["schemas"]["Metadata"];
            spec: components["schemas"]["DrillSpec"];
            status?: {
                conditions?: components["schemas"]["Condition"][];
            } & {
                [key: string]: unknown;
            };
        };
        DrillInput: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "Drill";
            metadata: {
                annotations?: {
                    [key: string]: string;
                };
                creationTimestamp?: string;
                deletionTimestamp?: string;
                finalizers?: string[];
                generation?: number;
                labels?: {
                    [key: string]: string;
                };
                name: string;
                /** @default default */
                namespace?: string;
                /** @description When given, the write succeeds only if it still is the stored one. */
                resourceVersion?: string;
                uid?: string;
            };
            spec: components["schemas"]["DrillSpec"];
            status?: unknown;
        };
        DrillList: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            items: components["schemas"]["Drill"][];
            /** @constant */
            kind: "DrillList";
            metadata: {
                resourceVersion: string;
            };
        };
        DrillPlan: {
            answers: components["schemas"]["AnswerDiff"];
            guards: {
                detail: string;
                name: string;
                ok: boolean;
            }[];
            steps: string[];
        };
        DrillPlanInput: {
            spec: components["schemas"]["DrillSpec"];
        };
        DrillSpec: {
            /**
             * @description `drain`: take the cluster out on purpose. `fail`: every vantage point reports its endpoints as failing, so detection is rehearsed too.
             * @enum {string}
             */
            action: "drain" | "fail";
            cluster: string;
            /**
             * @description Countries whose answers the report follows; default: the countries of all clusters and of all geo rules.
             * @default []
             */
            countries?: string[];
            /**
             * @description How long the fault is held before it is rolled back.
             * @default 60
             */
            durationSeconds?: number;
            /** @default {} */
            guards?: {
                /**
                 * @description Roll back when more than this share of the requests seen at the backends fail.
                 * @default 5
                 */
                maxErrorRatePercent?: number;
                /**
                 * @description Refuse to start, and roll back, when a hostname has less than this share of its capacity healthy outside the cluster.
                 * @default 30
                 */
                minCapacityPercent?: number;
            };
            /** @description Where requests at the backends are counted: a Prometheus text endpoint on every endpoint's address. */
            metrics?: {
                /** @default http_request_errors_total */
                errors?: string;
                /**
                 * Format: starts_with
                 * @default /metrics
                 */
                path?: string;
                port?: number;
                /** @default http_requests_total */
                requests?: string;
            };
        };
        ExplainedRule: {
            auth: {
                /** @enum {string} */
                by: "defaults" | "overrides" | "product";
                piece: string;
                source?: string;
                value: string;
            }[];
            backends: string[];
            clusters: string[];
            edge: {
                /** @enum {string} */
                by: "defaults" | "overrides" | "product";
                piece: string;
                source?: string;
                value: string;
            }[];
            filters: string[];
            kind: string;
            limits: {
                /** @enum {string} */
                by: "defaults" | "overrides" | "product";
                piece: string;
                source?: string;
                value: string;
            }[];
            listeners: string[];
            matches: string[];
            name: string;
            namespace: string;
            rule: string;
            timeouts: string;
        };
        ExplainedRules: {
            items: components["schemas"]["ExplainedRule"][];
        };
        FieldViolation: {
            code: string;
            fix: string;
            message: string;
            path: string;
        };
        Gateway: {
            /** @constant */
            apiVersion: "gateway.networking.k8s.io/v1";
            /** @constant */
            kind: "Gateway";
            metadata: components["schemas"]["Metadata"];
            spec: components["schemas"]["GatewaySpec"];
            status?: {
                conditions?: components["schemas"]["Condition"][];
            } & {
                [key: string]: unknown;
            };
        };
        GatewayCa: {
            certificatePem: string;
        };
        GatewayInput: {
            /** @constant */
            apiVersion: "gateway.networking.k8s.io/v1";
            /** @constant */
            kind: "Gateway";
            metadata: {
                annotations?: {
                    [key: string]: string;
                };
                creationTimestamp?: string;
                deletionTimestamp?: string;
                finalizers?: string[];
                generation?: number;
                labels?: {
                    [key: string]: string;
                };
                name: string;
                /** @default default */
                namespace?: string;
                /** @description When given, the write succeeds only if it still is the stored one. */
                resourceVersion?: string;
                uid?: string;
            };
            spec: components["schemas"]["GatewaySpec"];
            status?: unknown;
        };
        GatewayList: {
            /** @constant */
            apiVersion: "gateway.networking.k8s.io/v1";
            items: components["schemas"]["Gateway"][];
            /** @constant */
            kind: "GatewayList";
            metadata: {
                resourceVersion: string;
            };
        };
        GatewayPolicy: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "GatewayPolicy";
            metadata: components["schemas"]["Metadata"];
            spec: components["schemas"]["GatewayPolicySpec"];
            status?: {
                conditions?: components["schemas"]["Condition"][];
            } & {
                [key: string]: unknown;
            };
        };
        GatewayPolicyInput: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "GatewayPolicy";
            metadata: {
                annotations?: {
                    [key: string]: string;
                };
                creationTimestamp?: string;
                deletionTimestamp?: string;
                finalizers?: string[];
                generation?: number;
                labels?: {
                    [key: string]: string;
                };
                name: string;
                /** @default default */
                namespace?: string;
                /** @description When given, the write succeeds only if it still is the stored one. */
                resourceVersion?: string;
                uid?: string;
            };
            spec: components["schemas"]["GatewayPolicySpec"];
            status?: unknown;
        };
        GatewayPolicyList: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            items: components["schemas"]["GatewayPolicy"][];
            /** @constant */
            kind: "GatewayPolicyList";
            metadata: {
                resourceVersion: string;
            };
        };
        GatewayPolicySpec: {
            /** @description Holds where no more specific policy says otherwise. */
            defaults?: {
                rules: {
                    accessLog?: {
                        /**
                         * @description Default json.
                         * @enum {string}
                         */
                        format?: "json" | "common" | "off";
                    };
                    clientAddress?: {
                        /**
                         * @description Default off.
                         * @enum {string}
                         */
                        proxyProtocol?: "off" | "accept" | "require";
                        /** @description Peers whose PROXY header or X-Forwarded-For is believed. Default: none. */
                        trustedProxies?: (string)[];
                    };
                    limits?: {
                        /** @description Between two pieces of a body. Default 30000. */
                        bodyIdleTimeoutMs?: number;
                        /** @description Until the header is there. Default 10000. */
                        headerTimeoutMs?: number;
                        /** @description Default 60000. */
                        keepAliveTimeoutMs?: number;
                        /** @description Default 10 MiB (10485760). */
                        maxBodyBytes?: number;
                        /** @description HTTP/2, per connection. Default 100. */
                        maxConcurrentStreams?: number;
                        /** @description Per port and gateway thread. Default 10000. */
                        maxConnections?: number;
                        /** @description Default 32768. */
                        maxHeaderBytes?: number;
                    };
                    path?: {
                        /**
                         * @description What servers read differently (%2F, //, dot segments, ";"): refused with 400, or kept. Default refuse.
                         * @enum {string}
                         */
                        doubtful?: "refuse" | "keep";
                    };
                    /** @description By client address; a client that must be served elsewhere gets 403. */
                    residency?: {
                        /** @description TrafficPolicies' residency rules hold for clients of their hostnames as well. Default true. */
                        fromTrafficPolicies?: boolean;
                        rules?: {
                            /**
                             * @description Default: all.
                             * @default []
                             */
                            hostnames?: string[];
                            /** @description Clients located here are served by clusters inside it only. */
                            region: string;
                            /**
                             * @default restrict
                             * @enum {string}
                             */
                            unknownLocation?: "restrict" | "allow";
                        }[];
                    };
                    /** @description Set on every answer, such as security headers; null removes one of the backend. */
                    responseHeaders?: {
                        [key: string]: string | null;
                    };
                    /** @description How many retries routes with `retry` may make at all. */
                    retryBudget?: {
                        /** @description Default 10000. */
                        intervalMs?: number;
                        /** @description Retries that are always allowed. Default 10. */
                        minPerSecond?: number;
                        /** @description Of the requests of the interval. Default 20. */
                        percent?: number;
                    };
                };
                /**
                 * @description `atomic`: all or none of these rules; `merge`: each by its name.
                 * @default atomic
                 * @enum {string}
                 */
                strategy?: "atomic" | "merge";
            };
            /** @description Holds whatever more specific policies say. */
            overrides?: {
                rules: {
                    accessLog?: {
                        /**
                         * @description Default json.
                         * @enum {string}
                         */
                        format?: "json" | "common" | "off";
                    };
                    clientAddress?: {
                        /**
                         * @description Default off.
                         * @enum {string}
                         */
                        proxyProtocol?: "off" | "accept" | "require";
                        /** @description Peers whose PROXY header or X-Forwarded-For is believed. Default: none. */
                        trustedProxies?: (string)[];
                    };
                    limits?: {
                        /** @description Between two pieces of a body. Default 30000. */
                        bodyIdleTimeoutMs?: number;
                        /** @description Until the header is there. Default 10000. */
                        headerTimeoutMs?: number;
                        /** @description Default 60000. */
                        keepAliveTimeoutMs?: number;
                        /** @description Default 10 MiB (10485760). */
                        maxBodyBytes?: number;
                        /** @description HTTP/2, per connection. Default 100. */
                        maxConcurrentStreams?: number;
                        /** @description Per port and gateway thread. Default 10000. */
                        maxConnections?: number;
                        /** @description Default 32768. */
                        maxHeaderBytes?: number;
                    };
                    path?: {
                        /**
                         * @description What servers read differently (%2F, //, dot segments, ";"): refused with 400, or kept. Default refuse.
                         * @enum {string}
                         */
                        doubtful?: "refuse" | "keep";
                    };
                    /** @description By client address; a client that must be served elsewhere gets 403. */
                    residency?: {
                        /** @description TrafficPolicies' residency rules hold for clients of their hostnames as well. Default true. */
                        fromTrafficPolicies?: boolean;
                        rules?: {
                            /**
                             * @description Default: all.
                             * @default []
                             */
                            hostnames?: string[];
                            /** @description Clients located here are served by clusters inside it only. */
                            region: string;
                            /**
                             * @default restrict
                             * @enum {string}
                             */
                            unknownLocation?: "restrict" | "allow";
                        }[];
                    };
                    /** @description Set on every answer, such as security headers; null removes one of the backend. */
                    responseHeaders?: {
                        [key: string]: string | null;
                    };
                    /** @description How many retries routes with `retry` may make at all. */
                    retryBudget?: {
                        /** @description Default 10000. */
                        intervalMs?: number;
                        /** @description Retries that are always allowed. Default 10. */
                        minPerSecond?: number;
                        /** @description Of the requests of the interval. Default 20. */
                        percent?: number;
                    };
                };
                /**
                 * @description `atomic`: all or none of these rules; `merge`: each by its name.
                 * @default atomic
                 * @enum {string}
                 */
                strategy?: "atomic" | "merge";
            };
            /** @description Short for `defaults` with the strategy `atomic`. */
            rules?: {
                accessLog?: {
                    /**
                     * @description Default json.
                     * @enum {string}
                     */
                    format?: "json" | "common" | "off";
                };
                clientAddress?: {
                    /**
                     * @description Default off.
                     * @enum {string}
                     */
                    proxyProtocol?: "off" | "accept" | "require";
                    /** @description Peers whose PROXY header or X-Forwarded-For is believed. Default: none. */
                    trustedProxies?: (string)[];
                };
                limits?: {
                    /** @description Between two pieces of a body. Default 30000. */
                    bodyIdleTimeoutMs?: number;
                    /** @description Until the header is there. Default 10000. */
                    headerTimeoutMs?: number;
                    /** @description Default 60000. */
                    keepAliveTimeoutMs?: number;
                    /** @description Default 10 MiB (10485760). */
                    maxBodyBytes?: number;
                    /** @description HTTP/2, per connection. Default 100. */
                    maxConcurrentStreams?: number;
                    /** @description Per port and gateway thread. Default 10000. */
                    maxConnections?: number;
                    /** @description Default 32768. */
                    maxHeaderBytes?: number;
                };
                path?: {
                    /**
                     * @description What servers read differently (%2F, //, dot segments, ";"): refused with 400, or kept. Default refuse.
                     * @enum {string}
                     */
                    doubtful?: "refuse" | "keep";
                };
                /** @description By client address; a client that must be served elsewhere gets 403. */
                residency?: {
                    /** @description TrafficPolicies' residency rules hold for clients of their hostnames as well. Default true. */
                    fromTrafficPolicies?: boolean;
                    rules?: {
                        /**
                         * @description Default: all.
                         * @default []
                         */
                        hostnames?: string[];
                        /** @description Clients located here are served by clusters inside it only. */
                        region: string;
                        /**
                         * @default restrict
                         * @enum {string}
                         */
                        unknownLocation?: "restrict" | "allow";
                    }[];
                };
                /** @description Set on every answer, such as security headers; null removes one of the backend. */
                responseHeaders?: {
                    [key: string]: string | null;
                };
                /** @description How many retries routes with `retry` may make at all. */
                retryBudget?: {
                    /** @description Default 10000. */
                    intervalMs?: number;
                    /** @description Retries that are always allowed. Default 10. */
                    minPerSecond?: number;
                    /** @description Of the requests of the interval. Default 20. */
                    percent?: number;
                };
            };
            /** @description Instead of targetRefs: every gateway these labels fit; of every namespace when written in `default` (by an admin). */
            selector?: {
                /** @description Labels that a Cluster must have. */
                clusters?: {
                    [key: string]: string;
                };
                /** @description Labels that a Gateway must have. */
                gateways?: {
                    [key: string]: string;
                };
            };
            /** @description What it holds for, in its own namespace. */
            targetRefs?: {
                /** @default gateway.networking.k8s.io */
                group?: string;
                /** @enum {string} */
                kind: "Gateway" | "HTTPRoute" | "GRPCRoute";
                name: string;
                /** @description A Gateway's listener, or a route's rule by its name. */
                sectionName?: string;
            }[];
        };
        GatewaySpec: {
            /**
             * @description Where clients reach it, for the status; default: its clusters'.
             * @default []
             */
            addresses?: {
                /**
                 * @default IPAddress
                 * @enum {string}
                 */
                type?: "IPAddress" | "Hostname";
                value: string;
            }[];
            /**
             * @description `portolan`: agents run it.
             * @constant
             */
            gatewayClassName: "portolan";
            /** @description Accepted and of no effect: agents are installed by hand. */
            infrastructure?: {
                annotations?: {
                    [key: string]: string;
                };
                labels?: {
                    [key: string]: string;
                };
            };
            listeners: {
                /** @default {} */
                allowedRoutes?: {
                    /**
                     * @description Default: HTTPRoute and GRPCRoute.
                     * @default []
                     */
                    kinds?: {
                        /** @default gateway.networking.k8s.io */
                        group?: string;
                        kind: string;
                    }[];
                    /** @default {} */
                    namespaces?: {
                        /**
                         * @default Same
                         * @enum {string}
                         */
                        from?: "All" | "Selector" | "Same";
                        selector?: {
                            matchExpressions?: {
                                key: string;
                                /** @enum {string} */
                                operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
                                values?: string[];
                            }[];
                            matchLabels?: {
                                [key: string]: string;
                            };
                        };
                    };
                };
                /** @description Default: every host. */
                hostname?: string;
                name: string;
                port: number;
                /** @description `HTTP` or `HTTPS`; a listener with another one is reported as `UnsupportedProtocol`. */
                protocol: string;
                tls?: {
                    /** @default [] */
                    certificateRefs?: {
                        /** @default  */
                        group?: string;
                        /** @default Secret */
                        kind?: string;
                        /** @description A Secret with `tls.crt` (the chain) and `tls.key`, both PEM; on listeners also a CertificatePolicy (group `portolan.dev`, kind `CertificatePolicy`). */
                        name: string;
                        /** @description Default: the Gateway's own; another one takes a ReferenceGrant there. */
                        namespace?: string;
                    }[];
                    /**
                     * @default Terminate
                     * @enum {string}
                     */
                    mode?: "Terminate" | "Passthrough";
                    /**
                     * @description `portolan.dev/certificate: internal`: a certificate for the hostname from the hub's development CA.
                     * @default {}
                     */
                    options?: {
                        [key: string]: string;
                    };
                };
            }[];
            tls?: {
                /** @description The certificate shown to backends that a BackendTLSPolicy covers. */
                backend?: {
                    clientCertificateRef?: {
                        /** @default  */
                        group?: string;
                        /** @default Secret */
                        kind?: string;
                        /** @description A Secret with `tls.crt` (the chain) and `tls.key`, both PEM; on listeners also a CertificatePolicy (group `portolan.dev`, kind `CertificatePolicy`). */
                        name: string;
                        /** @description Default: the Gateway's own; another one takes a ReferenceGrant there. */
                        namespace?: string;
                    };
                };
                /** @description Client certificates. */
                frontend?: {
                    /** @default {} */
                    default?: {
                        validation?: {
                            caCertificateRefs: {
                                /** @default  */
                                group?: string;
                                /** @default Secret */
                                kind?: string;
                                /** @description A Secret with `ca.crt`, PEM. */
                                name: string;
                                namespace?: string;
                            }[];
                            /**
                             * @description Without a valid client certificate: refused, or let through to be judged by an AuthPolicy.
                             * @default AllowValidOnly
                             * @enum {string}
                             */
                            mode?: "AllowValidOnly" | "AllowInsecureFallback";
                        };
                    };
                    /** @default [] */
                    perPort?: {
                        port: number;
                        tls: {
                            validation?: {
                                caCertificateRefs: {
                                    /** @default  */
                                    group?: string;
                                    /** @default Secret */
                                    kind?: string;
                                    /** @description A Secret with `ca.crt`, PEM. */
                                    name: string;
                                    namespace?: string;
                                }[];
                                /**
                                 * @description Without a valid client certificate: refused, or let through to be judged by an AuthPolicy.
                                 * @default AllowValidOnly
                                 * @enum {string}
                                 */
                                mode?: "AllowValidOnly" | "AllowInsecureFallback";
                            };
                        };
                    }[];
                };
            };
        };
        GeoActivation: {
            /** @default false */
            approve?: boolean;
            reason?: string;
            sha256: string;
        };
        GeoDifference: {
            added: string[];
            addressesMovedPercent: number;
            approvalReasons: string[];
            countries: number;
            moved: {
                country: string;
                mostlyTo: string;
                movedPercent: number;
            }[];
        };
        GeoRollback: {
            reason?: string;
        };
        GeoStatus: {
            active: {
                entry?: {
                    octets: number;
                    sha256: string;
                    stagedAt: string;
                    stagedBy: string;
                };
                sha256: string;
                /** @enum {string} */
                source: "base" | "update";
            };
            previous?: {
                sha256: string;
                /** @enum {string} */
                source: "base" | "update";
            };
            staged?: {
                difference?: components["schemas"]["GeoDifference"];
                error?: string;
                octets: number;
                sha256: string;
                stagedAt: string;
                stagedBy: string;
                /** @enum {string} */
                state: "comparing" | "ready" | "failed";
            };
        };
        GRPCRoute: {
            /** @constant */
            apiVersion: "gateway.networking.k8s.io/v1";
            /** @constant */
            kind: "GRPCRoute";
            metadata: components["schemas"]["Metadata"];
            spec: components["schemas"]["GRPCRouteSpec"];
            status?: {
                conditions?: components["schemas"]["Condition"][];
            } & {
                [key: string]: unknown;
            };
        };
        GRPCRouteInput: {
            /** @constant */
            apiVersion: "gateway.networking.k8s.io/v1";
            /** @constant */
            kind: "GRPCRoute";
            metadata: {
                annotations?: {
                    [key: string]: string;
                };
                creationTimestamp?: string;
                deletionTimestamp?: string;
                finalizers?: string[];
                generation?: number;
                labels?: {
                    [key: string]: string;
                };
                name: string;
                /** @default default */
                namespace?: string;
                /** @description When given, the write succeeds only if it still is the stored one. */
                resourceVersion?: string;
                uid?: string;
            };
            spec: components["schemas"]["GRPCRouteSpec"];
            status?: unknown;
        };
        GRPCRouteList: {
            /** @constant */
            apiVersion: "gateway.networking.k8s.io/v1";
            items: components["schemas"]["GRPCRoute"][];
            /** @constant */
            kind: "GRPCRouteList";
            metadata: {
                resourceVersion: string;
            };
        };
        GRPCRouteSpec: {
            /**
             * @description Hosts of the route; default: its listeners'. What no listener has is left out.
             * @default []
             */
            hostnames?: string[];
            /**
             * @description The Gateways (and listeners) it wants to be served by.
             * @default []
             */
            parentRefs?: {
                /** @default gateway.networking.k8s.io */
                group?: string;
                /** @default Gateway */
                kind?: string;
                name: string;
                /** @description Default: the route's own. */
                namespace?: string;
                /** @description Only listeners of this port. */
                port?: number;
                /** @description Name of a listener; default: every listener that takes the route. */
                sectionName?: string;
            }[];
            /**
             * @default [
             *       {}
             *     ]
             */
            rules?: {
                /** @default [] */
                backendRefs?: {
                    /** @default [] */
                    filters?: ({
                        requestHeaderModifier: {
                            add?: {
                                name: string;
                                value: string;
                            }[];
                            remove?: string[];
                            set?: {
                                name: string;
                                value: string;
                            }[];
                        };
                        /** @constant */
                        type: "RequestHeaderModifier";
                    } | {
                        responseHeaderModifier: {
                            add?: {
                                name: string;
                                value: string;
                            }[];
                            remove?: string[];
                            set?: {
                                name: string;
                                value: string;
                            }[];
                        };
                        /** @constant */
                        type: "ResponseHeaderModifier";
                    } | {
                        requestMirror: {
                            backendRef: {
                                /** @default  */
                                group?: string;
                                /**
                                 * @description `Service` (which leads to the Backend of that name) or, with group `portolan.dev`, `Backend`.
                                 * @default Service
                                 */
                                kind?: string;
                                name: string;
                                /** @description Default: the route's own; another one takes a ReferenceGrant there. */
                                namespace?: string;
                                /** @description Needed for a Service. */
                                port?: number;
                            };
                            fraction?: {
                                /** @default 100 */
                                denominator?: number;
                                numerator: number;
                            };
                            percent?: number;
                        };
                        /** @constant */
                        type: "RequestMirror";
                    } | {
                        /** @description Group `portolan.dev`, kind `CallerRouting`: other backends for some callers. */
                        extensionRef: {
                            group: string;
                            kind: string;
                            name: string;
                        };
                        /** @constant */
                        type: "ExtensionRef";
                    })[];
                    /** @default  */
                    group?: string;
                    /**
                     * @description `Service` (which leads to the Backend of that name) or, with group `portolan.dev`, `Backend`.
                     * @default Service
                     */
                    kind?: string;
                    name: string;
                    /** @description Default: the route's own; another one takes a ReferenceGrant there. */
                    namespace?: string;
                    /** @description Needed for a Service. */
                    port?: number;
                    /**
                     * @description Share relative to the rule's other backends; 0: none.
                     * @default 1
                     */
                    weight?: number;
                }[];
                /** @default [] */
                filters?: ({
                    requestHeaderModifier: {
                        add?: {
                            name: string;
                            value: string;
                        }[];
                        remove?: string[];
                        set?: {
                            name: string;
                            value: string;
                        }[];
                    };
                    /** @constant */
                    type: "RequestHeaderModifier";
                } | {
                    responseHeaderModifier: {
                        add?: {
                            name: string;
                            value: string;
                        }[];
                        remove?: string[];
                        set?: {
                            name: string;
                            value: string;
                        }[];
                    };
                    /** @constant */
                    type: "ResponseHeaderModifier";
                } | {
                    requestMirror: {
                        backendRef: {
                            /** @default  */
                            group?: string;
                            /**
                             * @description `Service` (which leads to the Backend of that name) or, with group `portolan.dev`, `Backend`.
                             * @default Service
                             */
                            kind?: string;
                            name: string;
                            /** @description Default: the route's own; another one takes a ReferenceGrant there. */
                            namespace?: string;
                            /** @description Needed for a Service. */
                            port?: number;
                        };
                        fraction?: {
                            /** @default 100 */
                            denominator?: number;
                            numerator: number;
                        };
                        percent?: number;
                    };
                    /** @constant */
                    type: "RequestMirror";
                } | {
                    /** @description Group `portolan.dev`, kind `CallerRouting`: other backends for some callers. */
                    extensionRef: {
                        group: string;
                        kind: string;
                        name: string;
                    };
                    /** @constant */
                    type: "ExtensionRef";
                })[];
                /**
                 * @description One of them must match; none: every call.
                 * @default []
                 */
                matches?: {
                    /** @default [] */
                    headers?: {
                        name: string;
                        /**
                         * @default Exact
                         * @enum {string}
                         */
                        type?: "Exact" | "RegularExpression";
                        value: string;
                    }[];
                    method?: {
                        method?: string;
                        /** @description Such as `shop.v1.Orders`. */
                        service?: string;
                        /**
                         * @default Exact
                         * @enum {string}
                         */
                        type?: "Exact" | "RegularExpression";
                    };
                }[];
                /** @description Name of the rule, for policies that target it and for `explain`. */
                name?: string;
                sessionPersistence?: {
                    absoluteTimeout?: string;
                    cookieConfig?: {
                        /**
                         * @default Session
                         * @enum {string}
                         */
                        lifetimeType?: "Session" | "Permanent";
                    };
                    idleTimeout?: string;
                    sessionName?: string;
                    /**
                     * @default Cookie
                     * @enum {string}
                     */
                    type?: "Cookie" | "Header";
                };
            }[];
        };
        HealthCheck: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "HealthCheck";
            metadata: components["schemas"]["Metadata"];
            spec: components["schemas"]["HealthCheckSpec"];
            status?: {
                conditions?: components["schemas"]["Condition"][];
            } & {
                [key: string]: unknown;
            };
        };
        HealthCheckInput: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "HealthCheck";
            metadata: {
                annotations?: {
                    [key: string]: string;
                };
                creationTimestamp?: string;
                deletionTimestamp?: string;
                finalizers?: string[];
                generation?: number;
                labels?: {
                    [key: string]: string;
                };
                name: string;
                /** @default default */
                namespace?: string;
                /** @description When given, the write succeeds only if it still is the stored one. */
                resourceVersion?: string;
                uid?: string;
            };
            spec: components["schemas"]["HealthCheckSpec"];
            status?: unknown;
        };
        HealthCheckList: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            items: components["schemas"]["HealthCheck"][];
            /** @constant */
            kind: "HealthCheckList";
            metadata: {
                resourceVersion: string;
            };
        };
        HealthCheckSpec: {
            /** @description Must occur in the first 64 KiB of the body. */
            bodyContains?: string;
            /**
             * @description After a failure of a healthy endpoint, confirms are sent this many milliseconds after its start.
             * @default [
             *       300,
             *       600
             *     ]
             */
            confirmDelaysMs?: number[];
            /**
             * @description Inclusive status ranges that count as success.
             * @default [
             *       "200-399"
             *     ]
             */
            expectedStatuses?: (number | string)[];
            /**
             * @description Failures in a row (scheduled probe and confirms) that make a vote DOWN.
             * @default 3
             */
            fall?: number;
            headers?: {
                [key: string]: string;
            };
            /** @description Host header; default: the first hostname of the policy. */
            host?: string;
            /**
             * @description Seconds between scheduled probes of one vantage point.
             * @default 1
             */
            intervalSeconds?: number;
            /**
             * @default GET
             * @enum {string}
             */
            method?: "GET" | "HEAD";
            /** @default / */
            path?: string;
            /** @default 80 */
            port?: number;
            /** @constant */
            protocol: "http";
            /**
             * @description Successes in a row that make a vote UP again.
             * @default 2
             */
            rise?: number;
            /**
             * @description Milliseconds until one probe counts as failed; at most the interval, or one second where the interval is shorter.
             * @default 700
             */
            timeoutMs?: number;
        } | {
            /** @description Must occur in the first 64 KiB of the body. */
            bodyContains?: string;
            /** @description PEM bundle to trust instead of the system's roots. Verification is never turned off. */
            caSecret?: {
                key: string;
                name: string;
            };
            /**
             * @description After a failure of a healthy endpoint, confirms are sent this many milliseconds after its start.
             * @default [
             *       300,
             *       600
             *     ]
             */
            confirmDelaysMs?: number[];
            /**
             * @description Inclusive status ranges that count as success.
             * @default [
             *       "200-399"
             *     ]
             */
            expectedStatuses?: (number | string)[];
            /**
             * @description Failures in a row (scheduled probe and confirms) that make a vote DOWN.
             * @default 3
             */
            fall?: number;
            headers?: {
                [key: string]: string;
            };
            /** @description Host header; default: the first hostname of the policy. */
            host?: string;
            /**
             * @description Seconds between scheduled probes of one vantage point.
             * @default 1
             */
            intervalSeconds?: number;
            /**
             * @default GET
             * @enum {string}
             */
            method?: "GET" | "HEAD";
            /** @default / */
            path?: string;
            /** @default 443 */
            port?: number;
            /** @constant */
            protocol: "https";
            /**
             * @description Successes in a row that make a vote UP again.
             * @default 2
             */
            rise?: number;
            /** @description SNI and the name the certificate must carry; default: the first hostname of the policy. */
            serverName?: string;
            /**
             * @description Milliseconds until one probe counts as failed; at most the interval, or one second where the interval is shorter.
             * @default 700
             */
            timeoutMs?: number;
        } | {
            /**
             * @description After a failure of a healthy endpoint, confirms are sent this many milliseconds after its start.
             * @default [
             *       300,
             *       600
             *     ]
             */
            confirmDelaysMs?: number[];
            /**
             * @description Failures in a row (scheduled probe and confirms) that make a vote DOWN.
             * @default 3
             */
            fall?: number;
            /**
             * @description Seconds between scheduled probes of one vantage point.
             * @default 1
             */
            intervalSeconds?: number;
            port: number;
            /** @constant */
            protocol: "tcp";
            /**
             * @description Successes in a row that make a vote UP again.
             * @default 2
             */
            rise?: number;
            /**
             * @description Milliseconds until one probe counts as failed; at most the interval, or one second where the interval is shorter.
             * @default 700
             */
            timeoutMs?: number;
        } | {
            /** @description PEM bundle to trust instead of the system's roots. Verification is never turned off. */
            caSecret?: {
                key: string;
                name: string;
            };
            /**
             * @description After a failure of a healthy endpoint, confirms are sent this many milliseconds after its start.
             * @default [
             *       300,
             *       600
             *     ]
             */
            confirmDelaysMs?: number[];
            /**
             * @description Failures in a row (scheduled probe and confirms) that make a vote DOWN.
             * @default 3
             */
            fall?: number;
            /**
             * @description Seconds between scheduled probes of one vantage point.
             * @default 1
             */
            intervalSeconds?: number;
            /** @default 443 */
            port?: number;
            /** @constant */
            protocol: "tls";
            /**
             * @description Successes in a row that make a vote UP again.
             * @default 2
             */
            rise?: number;
            /** @description SNI and the name the certificate must carry; default: the first hostname of the policy. */
            serverName?: string;
            /**
             * @description Milliseconds until one probe counts as failed; at most the interval, or one second where the interval is shorter.
             * @default 700
             */
            timeoutMs?: number;
        } | {
            /** @description PEM bundle to trust instead of the system's roots. Verification is never turned off. */
            caSecret?: {
                key: string;
                name: string;
            };
            /**
             * @description After a failure of a healthy endpoint, confirms are sent this many milliseconds after its start.
             * @default [
             *       300,
             *       600
             *     ]
             */
            confirmDelaysMs?: number[];
            /**
             * @description Failures in a row (scheduled probe and confirms) that make a vote DOWN.
             * @default 3
             */
            fall?: number;
            /**
             * @description Seconds between scheduled probes of one vantage point.
             * @default 1
             */
            intervalSeconds?: number;
            port: number;
            /** @constant */
            protocol: "grpc";
            /**
             * @description Successes in a row that make a vote UP again.
             * @default 2
             */
            rise?: number;
            /** @description SNI and the name the certificate must carry; default: the first hostname of the policy. */
            serverName?: string;
            /** @default  */
            service?: string;
            /**
             * @description Milliseconds until one probe counts as failed; at most the interval, or one second where the interval is shorter.
             * @default 700
             */
            timeoutMs?: number;
            /** @default false */
            tls?: boolean;
        };
        HeldChange: {
            /** @description Of this change and no other; all removals that are too many for one pass share one. */
            id: string;
            key: {
                /** @enum {string} */
                kind: "Cluster" | "TrafficPolicy" | "HealthCheck" | "Zone" | "DNSProvider" | "Secret" | "Drain" | "Drill" | "Gateway" | "HTTPRoute" | "GRPCRoute" | "BackendTLSPolicy" | "ReferenceGrant" | "Backend" | "AuthPolicy" | "GatewayPolicy" | "RateLimitPolicy" | "CallerRouting" | "Issuer" | "CertificatePolicy";
                name: string;
                namespace: string;
            };
            origin: string;
            since: string;
            /** @enum {string} */
            source: "git-folder" | "kubernetes";
            /** @enum {string} */
            verb: "create" | "update" | "delete";
            violations: {
                code: string;
                fix: string;
                message: string;
                path: string;
            }[];
        };
        HeldChangeList: {
            items: components["schemas"]["HeldChange"][];
        };
        HeldName: {
            code: string;
            fix: string;
            message: string;
            name: string;
        };
        HTTPRoute: {
            /** @constant */
            apiVersion: "gateway.networking.k8s.io/v1";
            /** @constant */
            kind: "HTTPRoute";
            metadata: components["schemas"]["Metadata"];
            spec: components["schemas"]["HTTPRouteSpec"];
            status?: {
                conditions?: components["schemas"]["Condition"][];
            } & {
                [key: string]: unknown;
            };
        };
        HTTPRouteInput: {
            /** @constant */
            apiVersion: "gateway.networking.k8s.io/v1";
            /** @constant */
            kind: "HTTPRoute";
            metadata: {
                annotations?: {
                    [key: string]: string;
                };
                creationTimestamp?: string;
                deletionTimestamp?: string;
                finalizers?: string[];
                generation?: number;
                labels?: {
                    [key: string]: string;
                };
                name: string;
                /** @default default */
                namespace?: string;
                /** @description When given, the write succeeds only if it still is the stored one. */
                resourceVersion?: string;
                uid?: string;
            };
            spec: components["schemas"]["HTTPRouteSpec"];
            status?: unknown;
        };
        HTTPRouteList: {
            /** @constant */
            apiVersion: "gateway.networking.k8s.io/v1";
            items: components["schemas"]["HTTPRoute"][];
            /** @constant */
            kind: "HTTPRouteList";
            metadata: {
                resourceVersion: string;
            };
        };
        HTTPRouteSpec: {
            /**
             * @description Hosts of the route; default: its listeners'. What no listener has is left out.
             * @default []
             */
            hostnames?: string[];
            /**
             * @description The Gateways (and listeners) it wants to be served by.
             * @default []
             */
            parentRefs?: {
                /** @default gateway.networking.k8s.io */
                group?: string;
                /** @default Gateway */
                kind?: string;
                name: string;
                /** @description Default: the route's own. */
                namespace?: string;
                /** @description Only listeners of this port. */
                port?: number;
                /** @description Name of a listener; default: every listener that takes the route. */
                sectionName?: string;
            }[];
            /**
             * @default [
             *       {}
             *     ]
             */
            rules?: {
                /** @default [] */
                backendRefs?: {
                    /** @default [] */
                    filters?: ({
                        requestHeaderModifier: {
                            add?: {
                                name: string;
                                value: string;
                            }[];
                            remove?: string[];
                            set?: {
                                name: string;
                                value: string;
                            }[];
                        };
                        /** @constant */
                        type: "RequestHeaderModifier";
                    } | {
                        responseHeaderModifier: {
                            add?: {
                                name: string;
                                value: string;
                            }[];
                            remove?: string[];
                            set?: {
                                name: string;
                                value: string;
                            }[];
                        };
                        /** @constant */
                        type: "ResponseHeaderModifier";
                    } | {
                        requestMirror: {
                            backendRef: {
                                /** @default  */
                                group?: string;
                                /**
                                 * @description `Service` (which leads to the Backend of that name) or, with group `portolan.dev`, `Backend`.
                                 * @default Service
                                 */
                                kind?: string;
                                name: string;
                                /** @description Default: the route's own; another one takes a ReferenceGrant there. */
                                namespace?: string;
                                /** @description Needed for a Service. */
                                port?: number;
                            };
                            fraction?: {
                                /** @default 100 */
                                denominator?: number;
                                numerator: number;
                            };
                            percent?: number;
                        };
                        /** @constant */
                        type: "RequestMirror";
                    } | {
                        requestRedirect: {
                            hostname?: string;
                            path?: {
                                replaceFullPath: string;
                                /** @constant */
                                type: "ReplaceFullPath";
                            } | {
                                replacePrefixMatch: string;
                                /** @constant */
                                type: "ReplacePrefixMatch";
                            };
                            port?: number;
                            /** @enum {string} */
                            scheme?: "http" | "https";
                            /** @default 302 */
                            statusCode?: 301 | 302 | 303 | 307 | 308;
                        };
                        /** @constant */
                        type: "RequestRedirect";
                    } | {
                        /** @constant */
                        type: "URLRewrite";
                        urlRewrite: {
                            hostname?: string;
                            path?: {
                                replaceFullPath: string;
                                /** @constant */
                                type: "ReplaceFullPath";
                            } | {
                                replacePrefixMatch: string;
                                /** @constant */
                                type: "ReplacePrefixMatch";
                            };
                        };
                    } | {
                        cors: {
                            /** @default false */
                            allowCredentials?: boolean;
                            /** @default [] */
                            allowHeaders?: string[];
                            /** @default [] */
                            allowMethods?: (("GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "CONNECT" | "OPTIONS" | "TRACE" | "PATCH") | "*")[];
                            /** @default [] */
                            allowOrigins?: string[];
                            /** @default [] */
                            exposeHeaders?: string[];
                            /**
                             * @description Seconds.
                             * @default 5
                             */
                            maxAge?: number;
                        };
                        /** @constant */
                        type: "CORS";
                    } | {
                        /** @description Group `portolan.dev`, kind `CallerRouting`: other backends for some callers. */
                        extensionRef: {
                            group: string;
                            kind: string;
                            name: string;
                        };
                        /** @constant */
                        type: "ExtensionRef";
                    })[];
                    /** @default  */
                    group?: string;
                    /**
                     * @description `Service` (which leads to the Backend of that name) or, with group `portolan.dev`, `Backend`.
                     * @default Service
                     */
                    kind?: string;
                    name: string;
                    /** @description Default: the route's own; another one takes a ReferenceGrant there. */
                    namespace?: string;
                    /** @description Needed for a Service. */
                    port?: number;
                    /**
                     * @description Share relative to the rule's other backends; 0: none.
                     * @default 1
                     */
                    weight?: number;
                }[];
                /** @default [] */
                filters?: ({
                    requestHeaderModifier: {
                        add?: {
                            name: string;
                            value: string;
                        }[];
                        remove?: string[];
                        set?: {
                            name: string;
                            value: string;
                        }[];
                    };
                    /** @constant */
                    type: "RequestHeaderModifier";
                } | {
                    responseHeaderModifier: {
                        add?: {
                            name: string;
                            value: string;
                        }[];
                        remove?: string[];
                        set?: {
                            name: string;
                            value: string;
                        }[];
                    };
                    /** @constant */
                    type: "ResponseHeaderModifier";
                } | {
                    requestMirror: {
                        backendRef: {
                            /** @default  */
                            group?: string;
                            /**
                             * @description `Service` (which leads to the Backend of that name) or, with group `portolan.dev`, `Backend`.
                             * @default Service
                             */
                            kind?: string;
                            name: string;
                            /** @description Default: the route's own; another one takes a ReferenceGrant there. */
                            namespace?: string;
                            /** @description Needed for a Service. */
                            port?: number;
                        };
                        fraction?: {
                            /** @default 100 */
                            denominator?: number;
                            numerator: number;
                        };
                        percent?: number;
                    };
                    /** @constant */
                    type: "RequestMirror";
                } | {
                    requestRedirect: {
                        hostname?: string;
                        path?: {
                            replaceFullPath: string;
                            /** @constant */
                            type: "ReplaceFullPath";
                        } | {
                            replacePrefixMatch: string;
                            /** @constant */
                            type: "ReplacePrefixMatch";
                        };
                        port?: number;
                        /** @enum {string} */
                        scheme?: "http" | "https";
                        /** @default 302 */
                        statusCode?: 301 | 302 | 303 | 307 | 308;
                    };
                    /** @constant */
                    type: "RequestRedirect";
                } | {
                    /** @constant */
                    type: "URLRewrite";
                    urlRewrite: {
                        hostname?: string;
                        path?: {
                            replaceFullPath: string;
                            /** @constant */
                            type: "ReplaceFullPath";
                        } | {
                            replacePrefixMatch: string;
                            /** @constant */
                            type: "ReplacePrefixMatch";
                        };
                    };
                } | {
                    cors: {
                        /** @default false */
                        allowCredentials?: boolean;
                        /** @default [] */
                        allowHeaders?: string[];
                        /** @default [] */
                        allowMethods?: (("GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "CONNECT" | "OPTIONS" | "TRACE" | "PATCH") | "*")[];
                        /** @default [] */
                        allowOrigins?: string[];
                        /** @default [] */
                        exposeHeaders?: string[];
                        /**
                         * @description Seconds.
                         * @default 5
                         */
                        maxAge?: number;
                    };
                    /** @constant */
                    type: "CORS";
                } | {
                    /** @description Group `portolan.dev`, kind `CallerRouting`: other backends for some callers. */
                    extensionRef: {
                        group: string;
                        kind: string;
                        name: string;
                    };
                    /** @constant */
                    type: "ExtensionRef";
                })[];
                /**
                 * @description One of them must match; default: every request.
                 * @default [
                 *       {}
                 *     ]
                 */
                matches?: {
                    /** @default [] */
                    headers?: {
                        name: string;
                        /**
                         * @default Exact
                         * @enum {string}
                         */
                        type?: "Exact" | "RegularExpression";
                        value: string;
                    }[];
                    /** @enum {string} */
                    method?: "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "CONNECT" | "OPTIONS" | "TRACE" | "PATCH";
                    /**
                     * @description `PathPrefix` goes by path element: `/a` matches `/a/b`, not `/ab`.
                     * @default {}
                     */
                    path?: {
                        /**
                         * @default PathPrefix
                         * @enum {string}
                         */
                        type?: "Exact" | "PathPrefix" | "RegularExpression";
                        /** @default / */
                        value?: string;
                    };
                    /** @default [] */
                    queryParams?: {
                        name: string;
                        /**
                         * @default Exact
                         * @enum {string}
                         */
                        type?: "Exact" | "RegularExpression";
                        value: string;
                    }[];
                }[];
                /** @description Name of the rule, for policies that target it and for `explain`. */
                name?: string;
                /** @description Tries again; how many retries a gateway makes at all is the `retryBudget` of a GatewayPolicy. */
                retry?: {
                    /**
                     * @description Beyond the first try.
                     * @default 1
                     */
                    attempts?: number;
                    /**
                     * @description Least time between two tries.
                     * @default 25ms
                     */
                    backoff?: string;
                    /** @default [] */
                    codes?: number[];
                };
                sessionPersistence?: {
                    absoluteTimeout?: string;
                    cookieConfig?: {
                        /**
                         * @default Session
                         * @enum {string}
                         */
                        lifetimeType?: "Session" | "Permanent";
                    };
                    idleTimeout?: string;
                    sessionName?: string;
                    /**
                     * @default Cookie
                     * @enum {string}
                     */
                    type?: "Cookie" | "Header";
                };
                /** @description Without any, a backend may take 60 s to begin its answer, longer while the request still arrives. */
                timeouts?: {
                    /** @description For one try at a backend. */
                    backendRequest?: string;
                    /** @description For the whole answer; 0s: no limit. */
                    request?: string;
                };
            }[];
        };
        HubStatus: {
            agents: components["schemas"]["AgentStatus"][];
            hub: {
                epoch: number;
                sequence: number;
                startedAt: string;
                uid: string;
                version: string;
            };
            hubs?: {
                api: string;
                epoch: number;
                heardAgoMs: number;
                identity: string;
                /** @enum {string} */
                role: "leader" | "standby";
                startedAt: string;
                version: string;
            }[];
            nameServers: components["schemas"]["NameServerStatus"][];
            targets: components["schemas"]["TargetStatus"][];
        };
        InventoryItem: {
            /** @description Why it is not used, or what is wrong with it. */
            detail: string;
            kind: string;
            name: string;
            /** @description Empty for Namespaces. */
            namespace: string;
            /**
             * @description `elsewhere`: the hub has an object of this kind and name, which is used in its place.
             * @enum {string}
             */
            state: "used" | "refused" | "elsewhere" | "ignored";
            /** @description What the agent writes into its `status`. */
            status?: unknown;
        };
        Issuer: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "Issuer";
            metadata: components["schemas"]["Metadata"];
            spec: components["schemas"]["IssuerSpec"];
            status?: {
                conditions?: components["schemas"]["Condition"][];
            } & {
                [key: string]: unknown;
            };
        };
        IssuerInput: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "Issuer";
            metadata: {
                annotations?: {
                    [key: string]: string;
                };
                creationTimestamp?: string;
                deletionTimestamp?: string;
                finalizers?: string[];
                generation?: number;
                labels?: {
                    [key: string]: string;
                };
                name: string;
                /** @default default */
                namespace?: string;
                /** @description When given, the write succeeds only if it still is the stored one. */
                resourceVersion?: string;
                uid?: string;
            };
            spec: components["schemas"]["IssuerSpec"];
            status?: unknown;
        };
        IssuerList: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            items: components["schemas"]["Issuer"][];
            /** @constant */
            kind: "IssuerList";
            metadata: {
                resourceVersion: string;
            };
        };
        IssuerSpec: {
            acme?: {
                /** @description PEM bundle to trust instead of the system's roots: a CA of your own. */
                caSecret?: {
                    key: string;
                    name: string;
                };
                /**
                 * Format: uri
                 * @description URL of the ACME directory (RFC 8555 section 7.1.1).
                 */
                directory: string;
                /**
                 * Format: email
                 * @description Contact of the account.
                 */
                email?: string;
                /** @description For CAs that bind accounts to customers (RFC 8555 section 7.3.4). */
                externalAccountBinding?: {
                    keyId: string;
                    /** @description The HMAC key as the CA gives it: base64url. */
                    secret: {
                        key: string;
                        name: string;
                    };
                };
                /** @description Default: Let's Encrypt's own (5, 50, 300, 5 and 100) for its directories, none for others. An order that would pass one waits. */
                limits?: {
                    /** @description In 7 days, per registered domain. */
                    certificatesPerDomain?: number;
                    /** @description In 7 days, for exactly the same names. */
                    certificatesPerNameSet?: number;
                    /** @description Failed validations of one name in an hour. */
                    failuresPerName?: number;
                    namesPerCertificate?: number;
                    /** @description In 3 hours. */
                    ordersPerAccount?: number;
                };
                /** @description Common name of the issuer of the topmost certificate, where the CA offers several chains. */
                preferredChain?: string;
                /** @description Profile that orders ask for, such as `shortlived` or `tlsserver`. */
                profile?: string;
                /**
                 * Format: uri
                 * @description Directory for `portolan cert try`; default: Let's Encrypt's staging for its own directory.
                 */
                staging?: string;
                /**
                 * @description Says that you agree to the CA's terms of service.
                 * @constant
                 */
                termsOfServiceAgreed: true;
            };
            /** @description The hub's own development CA, which no browser trusts: `portolan gateway ca` prints it. */
            internal?: {
                /** @default 30 */
                lifetimeDays?: number;
            };
        };
        Metadata: {
            annotations: {
                [key: string]: string;
            };
            creationTimestamp: string;
            deletionTimestamp?: string;
            finalizers: string[];
            generation: number;
            labels: {
                [key: string]: string;
            };
            name: string;
            namespace: string;
            resourceVersion: string;
            uid: string;
        };
        NameServerStatus: {
            addresses: string[];
            cluster?: string;
            detail: string;
            id: string;
            sequence: number;
            /** @enum {string} */
            state: "serving" | "behind" | "unreachable";
        };
        Plan: {
            answers: components["schemas"]["AnswerDiff"];
            changes: number;
            documents: components["schemas"]["PlannedDocument"][];
            ok: boolean;
            records?: components["schemas"]["RecordPlan"];
            warnings: string[];
        };
        PlannedDocument: {
            /** @enum {string} */
            action: "create" | "update" | "delete" | "unchanged" | "invalid";
            fields: {
                after?: unknown;
                before?: unknown;
                path: string;
            }[];
            index: number;
            kind: string;
            /** @enum {string} */
            managedBy?: "git-folder" | "kubernetes";
            name: string;
            namespace: string;
            violations: components["schemas"]["FieldViolation"][];
        };
        Problem: {
            cause?: string;
            code: string;
            detail: string;
            fix: string;
            requestId?: string;
            status: number;
            title: string;
            type: string;
            violations?: components["schemas"]["FieldViolation"][];
        };
        ProviderCheck: {
            capabilities: {
                /** @enum {string} */
                about: "safety" | "routing" | "types";
                native: boolean;
                reason: string;
                subject: string;
            }[];
            findings: {
                fix?: string;
                message: string;
                ok: boolean;
                subject: string;
            }[];
            ok: boolean;
        };
        ProviderZone: {
            configured: boolean;
            id: string;
            nameServers: string[];
            origin: string;
            private: boolean;
        };
        ProviderZoneContent: {
            origin: string;
            records: {
                name: string;
                native?: string;
                owner?: string;
                setId: string;
                ttlSeconds?: number;
                type: string;
                values: string[];
            }[];
        };
        ProviderZones: {
            items: components["schemas"]["ProviderZone"][];
        };
        ProviderZoneState: {
            /** @description While a rollback holds the zone: what is due once `resume` ended that. */
            afterResume?: {
                changes: components["schemas"]["RecordChange"][];
                held: components["schemas"]["HeldName"][];
            };
            appliedAt?: string;
            disagreements: string[];
            error?: string;
            errorFix?: string;
            /** @description `spec.frozen`: plans are made and shown, nothing is written. */
            frozen: boolean;
            generation: number;
            heldAtGeneration?: number;
            history: {
                at: string;
                generation: number;
                summary: string;
            }[];
            id: string;
            origin: string;
            plan: {
                changes: components["schemas"]["RecordChange"][];
                hash: string;
                held: components["schemas"]["HeldName"][];
                waitsForApproval?: {
                    code: string;
                    fix: string;
                    message: string;
                    removals: components["schemas"]["RecordChange"][];
                };
            };
            /** @enum {string} */
            verified: "yes" | "no" | "pending" | "off";
        };
        ProviderZoneStates: {
            items: components["schemas"]["ProviderZoneState"][];
        };
        QuotaExplanation: {
            explanation: string[];
            key: string;
            limit: string;
            until?: string;
            /** @enum {string} */
            verdict: "open" | "leased" | "spent" | "paused";
        };
        QuotaKey: {
            effectiveAt?: string;
            hits: number;
            key: string;
            overriddenUntil?: string;
            windows: {
                clusters: {
                    cluster: string;
                    demandPerSecond: number;
                    floor: number;
                    leaseAgeMs: number;
                    leased: number;
                    spent: number;
                }[];
                end?: string;
                floors: number;
                leased: number;
                left: number;
                spent: number;
                start?: string;
            }[];
        };
        QuotaLimit: {
            /** @enum {string} */
            algorithm: "fixed-window" | "sliding-window" | "token-bucket";
            burst?: number;
            floorPercent: number;
            hits: number;
            keys: components["schemas"]["QuotaKey"][];
            limit: string;
            scope: string;
            window: string;
        };
        QuotaList: {
            at: string;
            items: components["schemas"]["QuotaLimit"][];
            pausedUntil?: string;
        };
        QuotaOverride: {
            /** @description In a window, in the place of what the policy says. */
            hits: number;
            /** @default  */
            key?: string;
            limit: string;
            reason?: string;
            /** @description How long it holds. */
            seconds: number;
        };
        QuotaReset: {
            /** @default  */
            key?: string;
            limit: string;
            reason?: string;
        };
        QuotaResetResult: {
            /** @description Hits that were forgotten. */
            forgotten: number;
            limit: components["schemas"]["QuotaLimit"];
        };
        RateLimitPolicy: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "RateLimitPolicy";
            metadata: components["schemas"]["Metadata"];
            spec: components["schemas"]["RateLimitPolicySpec"];
            status?: {
                conditions?: components["schemas"]["Condition"][];
            } & {
                [key: string]: unknown;
            };
        };
        RateLimitPolicyInput: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "RateLimitPolicy";
            metadata: {
                annotations?: {
                    [key: string]: string;
                };
                creationTimestamp?: string;
                deletionTimestamp?: string;
                finalizers?: string[];
                generation?: number;
                labels?: {
                    [key: string]: string;
                };
                name: string;
                /** @default default */
                namespace?: string;
                /** @description When given, the write succeeds only if it still is the stored one. */
                resourceVersion?: string;
                uid?: string;
            };
            spec: components["schemas"]["RateLimitPolicySpec"];
            status?: unknown;
        };
        RateLimitPolicyList: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            items: components["schemas"]["RateLimitPolicy"][];
            /** @constant */
            kind: "RateLimitPolicyList";
            metadata: {
                resourceVersion: string;
            };
        };
        RateLimitPolicySpec: {
            /** @description Holds where no more specific policy says otherwise. */
            defaults?: {
                rules: {
                    /** @description By name; every one that applies must admit. None: no limit. */
                    limits: {
                        [key: string]: {
                            /**
                             * @description `fixed-window`: so many between two marks of the clock; `sliding-window`: so many in any stretch of that length; `token-bucket`: `burst` at once, `limit` per window in the long run.
                             * @default fixed-window
                             * @enum {string}
                             */
                            algorithm?: "fixed-window" | "sliding-window" | "token-bucket";
                            /**
                             * @description How what is short is shared among clusters: by demand, or the same to each.
                             * @default proportional
                             * @enum {string}
                             */
                            allocation?: "proportional" | "fair";
                            /** @description Hits at once, for `token-bucket`. Default: the limit. */
                            burst?: number;
                            /** @description How many hits a request is. Default: 1. */
                            cost?: {
                                /**
                                 * @description A cost above this counts as this.
                                 * @default 1000000
                                 */
                                most?: number;
                                /** @description CEL for how many hits a request is, taken when it comes. Default: 1. */
                                request?: string;
                                /** @description What the answer says it cost: the difference to what was taken is settled then. */
                                response?: {
                                    header?: string;
                                    /** @description A number in a JSON answer, or in the last event of a stream: `usage.total_tokens`. */
                                    json?: string;
                                };
                            };
                            /** @description CEL; requests with equal values share the limit. None: all do. */
                            counters?: (string | {
                                expression: string;
                            })[];
                            /** @description Percent of the limit that is reserved for clusters without the hub, lent to others until then. Default 50. */
                            floor?: number;
                            /**
                             * @description Whether answers tell this limit in `RateLimit` and `X-RateLimit-*` fields.
                             * @default on
                             * @enum {string}
                             */
                            headers?: "on" | "off";
                            /** @description Under which name usage of this limit is accounted. */
                            metric?: string;
                            /**
                             * @description When the hub cannot be reached and nothing granted is left: a reserved part (exact), nobody, or everybody (not exact).
                             * @default floor
                             * @enum {string}
                             */
                            onHubLoss?: "floor" | "deny" | "allow";
                            /**
                             * @description Rates for callers of a plan (`auth.plan`), in the place of `rates`.
                             * @default {}
                             */
                            plans?: {
                                [key: string]: {
                                    /** @description Hits at once, for `token-bucket`. Default: the limit. */
                                    burst?: number;
                                    rates: {
                                        /** @description Hits in a window; 0: nobody. */
                                        limit: number;
                                        /** @description A length of time (`10s`, `1m`, `24h`; at least 1s), or `day`, `week` (from Monday), `month`, `year`, `eternity`. */
                                        window: string | ("day" | "week" | "month" | "year" | "eternity");
                                    }[];
                                };
                            };
                            /**
                             * @description All must admit. None: callers whose plan is not named below are not limited.
                             * @default []
                             */
                            rates?: {
                                /** @description Hits in a window; 0: nobody. */
                                limit: number;
                                /** @description A length of time (`10s`, `1m`, `24h`; at least 1s), or `day`, `week` (from Monday), `month`, `year`, `eternity`. */
                                window: string | ("day" | "week" | "month" | "year" | "eternity");
                            }[];
                            /**
                             * @description Counted and shown in metrics, but nobody is refused.
                             * @default false
                             */
                            shadow?: boolean;
                            /**
                             * @description Of day, week, month and year, such as Europe/Berlin.
                             * @default UTC
                             */
                            timeZone?: string;
                            /**
                             * @description How long a request may wait for the hub to grant what is short; 0s: it is refused at once.
                             * @default 300ms
                             */
                            wait?: string;
                            /** @description CEL; a request for which one is false is not counted. */
                            when?: (string | {
                                predicate: string;
                            })[];
                        };
                    };
                    /** @description CEL; requests for which one is false are not limited by it. */
                    when?: (string | {
                        predicate: string;
                    })[];
                };
                /**
                 * @description `atomic`: all or none of these rules; `merge`: each by its name.
                 * @default atomic
                 * @enum {string}
                 */
                strategy?: "atomic" | "merge";
            };
            /** @description Instead of targetRefs: what other proxies ask by (Envoy's rate limit service, `POST /v1/quota/take`); expressions see `descriptors`. */
            domain?: string;
            /** @description Holds whatever more specific policies say. */
            overrides?: {
                rules: {
                    /** @description By name; every one that applies must admit. None: no limit. */
                    limits: {
                        [key: string]: {
                            /**
                             * @description `fixed-window`: so many between two marks of the clock; `sliding-window`: so many in any stretch of that length; `token-bucket`: `burst` at once, `limit` per window in the long run.
                             * @default fixed-window
                             * @enum {string}
                             */
                            algorithm?: "fixed-window" | "sliding-window" | "token-bucket";
                            /**
                             * @description How what is short is shared among clusters: by demand, or the same to each.
                             * @default proportional
                             * @enum {string}
                             */
                            allocation?: "proportional" | "fair";
                            /** @description Hits at once, for `token-bucket`. Default: the limit. */
                            burst?: number;
                            /** @description How many hits a request is. Default: 1. */
                            cost?: {
                                /**
                                 * @description A cost above this counts as this.
                                 * @default 1000000
                                 */
                                most?: number;
                                /** @description CEL for how many hits a request is, taken when it comes. Default: 1. */
                                request?: string;
                                /** @description What the answer says it cost: the difference to what was taken is settled then. */
                                response?: {
                                    header?: string;
                                    /** @description A number in a JSON answer, or in the last event of a stream: `usage.total_tokens`. */
                                    json?: string;
                                };
                            };
                            /** @description CEL; requests with equal values share the limit. None: all do. */
                            counters?: (string | {
                                expression: string;
                            })[];
                            /** @description Percent of the limit that is reserved for clusters without the hub, lent to others until then. Default 50. */
                            floor?: number;
                            /**
                             * @description Whether answers tell this limit in `RateLimit` and `X-RateLimit-*` fields.
                             * @default on
                             * @enum {string}
                             */
                            headers?: "on" | "off";
                            /** @description Under which name usage of this limit is accounted. */
                            metric?: string;
                            /**
                             * @description When the hub cannot be reached and nothing granted is left: a reserved part (exact), nobody, or everybody (not exact).
                             * @default floor
                             * @enum {string}
                             */
                            onHubLoss?: "floor" | "deny" | "allow";
                            /**
                             * @description Rates for callers of a plan (`auth.plan`), in the place of `rates`.
                             * @default {}
                             */
                            plans?: {
                                [key: string]: {
                                    /** @description Hits at once, for `token-bucket`. Default: the limit. */
                                    burst?: number;
                                    rates: {
                                        /** @description Hits in a window; 0: nobody. */
                                        limit: number;
                                        /** @description A length of time (`10s`, `1m`, `24h`; at least 1s), or `day`, `week` (from Monday), `month`, `year`, `eternity`. */
                                        window: string | ("day" | "week" | "month" | "year" | "eternity");
                                    }[];
                                };
                            };
                            /**
                             * @description All must admit. None: callers whose plan is not named below are not limited.
                             * @default []
                             */
                            rates?: {
                                /** @description Hits in a window; 0: nobody. */
                                limit: number;
                                /** @description A length of time (`10s`, `1m`, `24h`; at least 1s), or `day`, `week` (from Monday), `month`, `year`, `eternity`. */
                                window: string | ("day" | "week" | "month" | "year" | "eternity");
                            }[];
                            /**
                             * @description Counted and shown in metrics, but nobody is refused.
                             * @default false
                             */
                            shadow?: boolean;
                            /**
                             * @description Of day, week, month and year, such as Europe/Berlin.
                             * @default UTC
                             */
                            timeZone?: string;
                            /**
                             * @description How long a request may wait for the hub to grant what is short; 0s: it is refused at once.
                             * @default 300ms
                             */
                            wait?: string;
                            /** @description CEL; a request for which one is false is not counted. */
                            when?: (string | {
                                predicate: string;
                            })[];
                        };
                    };
                    /** @description CEL; requests for which one is false are not limited by it. */
                    when?: (string | {
                        predicate: string;
                    })[];
                };
                /**
                 * @description `atomic`: all or none of these rules; `merge`: each by its name.
                 * @default atomic
                 * @enum {string}
                 */
                strategy?: "atomic" | "merge";
            };
            /** @description Short for `defaults` with the strategy `atomic`. */
            rules?: {
                /** @description By name; every one that applies must admit. None: no limit. */
                limits: {
                    [key: string]: {
                        /**
                         * @description `fixed-window`: so many between two marks of the clock; `sliding-window`: so many in any stretch of that length; `token-bucket`: `burst` at once, `limit` per window in the long run.
                         * @default fixed-window
                         * @enum {string}
                         */
                        algorithm?: "fixed-window" | "sliding-window" | "token-bucket";
                        /**
                         * @description How what is short is shared among clusters: by demand, or the same to each.
                         * @default proportional
                         * @enum {string}
                         */
                        allocation?: "proportional" | "fair";
                        /** @description Hits at once, for `token-bucket`. Default: the limit. */
                        burst?: number;
                        /** @description How many hits a request is. Default: 1. */
                        cost?: {
                            /**
                             * @description A cost above this counts as this.
                             * @default 1000000
                             */
                            most?: number;
                            /** @description CEL for how many hits a request is, taken when it comes. Default: 1. */
                            request?: string;
                            /** @description What the answer says it cost: the difference to what was taken is settled then. */
                            response?: {
                                header?: string;
                                /** @description A number in a JSON answer, or in the last event of a stream: `usage.total_tokens`. */
                                json?: string;
                            };
                        };
                        /** @description CEL; requests with equal values share the limit. None: all do. */
                        counters?: (string | {
                            expression: string;
                        })[];
                        /** @description Percent of the limit that is reserved for clusters without the hub, lent to others until then. Default 50. */
                        floor?: number;
                        /**
                         * @description Whether answers tell this limit in `RateLimit` and `X-RateLimit-*` fields.
                         * @default on
                         * @enum {string}
                         */
                        headers?: "on" | "off";
                        /** @description Under which name usage of this limit is accounted. */
                        metric?: string;
                        /**
                         * @description When the hub cannot be reached and nothing granted is left: a reserved part (exact), nobody, or everybody (not exact).
                         * @default floor
                         * @enum {string}
                         */
                        onHubLoss?: "floor" | "deny" | "allow";
                        /**
                         * @description Rates for callers of a plan (`auth.plan`), in the place of `rates`.
                         * @default {}
                         */
                        plans?: {
                            [key: string]: {
                                /** @description Hits at once, for `token-bucket`. Default: the limit. */
                                burst?: number;
                                rates: {
                                    /** @description Hits in a window; 0: nobody. */
                                    limit: number;
                                    /** @description A length of time (`10s`, `1m`, `24h`; at least 1s), or `day`, `week` (from Monday), `month`, `year`, `eternity`. */
                                    window: string | ("day" | "week" | "month" | "year" | "eternity");
                                }[];
                            };
                        };
                        /**
                         * @description All must admit. None: callers whose plan is not named below are not limited.
                         * @default []
                         */
                        rates?: {
                            /** @description Hits in a window; 0: nobody. */
                            limit: number;
                            /** @description A length of time (`10s`, `1m`, `24h`; at least 1s), or `day`, `week` (from Monday), `month`, `year`, `eternity`. */
                            window: string | ("day" | "week" | "month" | "year" | "eternity");
                        }[];
                        /**
                         * @description Counted and shown in metrics, but nobody is refused.
                         * @default false
                         */
                        shadow?: boolean;
                        /**
                         * @description Of day, week, month and year, such as Europe/Berlin.
                         * @default UTC
                         */
                        timeZone?: string;
                        /**
                         * @description How long a request may wait for the hub to grant what is short; 0s: it is refused at once.
                         * @default 300ms
                         */
                        wait?: string;
                        /** @description CEL; a request for which one is false is not counted. */
                        when?: (string | {
                            predicate: string;
                        })[];
                    };
                };
                /** @description CEL; requests for which one is false are not limited by it. */
                when?: (string | {
                    predicate: string;
                })[];
            };
            /** @description Instead of targetRefs: every gateway these labels fit; of every namespace when written in `default` (by an admin). */
            selector?: {
                /** @description Labels that a Cluster must have. */
                clusters?: {
                    [key: string]: string;
                };
                /** @description Labels that a Gateway must have. */
                gateways?: {
                    [key: string]: string;
                };
            };
            /** @description What it holds for, in its own namespace. */
            targetRefs?: {
                /** @default gateway.networking.k8s.io */
                group?: string;
                /** @enum {string} */
                kind: "Gateway" | "HTTPRoute" | "GRPCRoute";
                name: string;
                /** @description A Gateway's listener, or a route's rule by its name. */
                sectionName?: string;
            }[];
        };
        Readiness: {
            ready: boolean;
            reasons: string[];
            /** @constant */
            role?: "standby";
        };
        RecordChange: {
            after?: string;
            before?: string;
            /** @enum {string} */
            change: "create" | "update" | "delete";
            details?: string[];
            name: string;
            setId: string;
            type: string;
        };
        RecordPlan: {
            reports: components["schemas"]["CompileReport"][];
            zones: {
                changes: components["schemas"]["RecordChange"][];
                held: components["schemas"]["HeldName"][];
                origin: string;
                provider: string;
                /** @description Where the zone could not be read anew for this plan. */
                readSecondsAgo?: number;
                unknown?: string;
            }[];
        };
        ReferenceGrant: {
            /** @constant */
            apiVersion: "gateway.networking.k8s.io/v1";
            /** @constant */
            kind: "ReferenceGrant";
            metadata: components["schemas"]["Metadata"];
            spec: components["schemas"]["ReferenceGrantSpec"];
            status?: {
                conditions?: components["schemas"]["Condition"][];
            } & {
                [key: string]: unknown;
            };
        };
        ReferenceGrantInput: {
            /** @enum {string} */
            apiVersion: "gateway.networking.k8s.io/v1" | "gateway.networking.k8s.io/v1beta1";
            /** @constant */
            kind: "ReferenceGrant";
            metadata: {
                annotations?: {
                    [key: string]: string;
                };
                creationTimestamp?: string;
                deletionTimestamp?: string;
                finalizers?: string[];
                generation?: number;
                labels?: {
                    [key: string]: string;
                };
                name: string;
                /** @default default */
                namespace?: string;
                /** @description When given, the write succeeds only if it still is the stored one. */
                resourceVersion?: string;
                uid?: string;
            };
            spec: components["schemas"]["ReferenceGrantSpec"];
            status?: unknown;
        };
        ReferenceGrantList: {
            /** @constant */
            apiVersion: "gateway.networking.k8s.io/v1";
            items: components["schemas"]["ReferenceGrant"][];
            /** @constant */
            kind: "ReferenceGrantList";
            metadata: {
                resourceVersion: string;
            };
        };
        ReferenceGrantSpec: {
            from: {
                group: string;
                kind: string;
                namespace: string;
            }[];
            to: {
                group: string;
                kind: string;
                /** @description Default: all of the kind. */
                name?: string;
            }[];
        };
        ResolveResult: {
            answers: {
                data: string;
                name: string;
                ttlSeconds: number;
                type: string;
            }[];
            candidates: {
                addresses: string[];
                cluster: string;
                endpoint: string;
                reason: string;
                sharePercent: number;
                /** @enum {string} */
                state: "up" | "down" | "unknown";
            }[];
            client: {
                address?: string;
                continent?: string;
                country?: string;
                /** @enum {string} */
                source: "client" | "country" | "unknown";
                subdivision?: string;
            };
            explanation: string[];
            hostname: string;
            namespace?: string;
            policy?: string;
            /** @enum {string} */
            rcode: "NOERROR" | "NXDOMAIN" | "REFUSED" | "SERVFAIL";
            scopePrefixLength: number;
            sequence: number;
            stableForMs: number;
            type: string;
            zone?: string;
        };
        ResumeInput: {
            zone: string;
        };
        RoleBinding: {
            namespace: "*" | string;
            /** @enum {string} */
            role: "admin" | "operator" | "viewer";
        };
        RollbackInput: {
            generation: number;
            zone: string;
        };
        Secret: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "Secret";
            metadata: components["schemas"]["Metadata"];
            spec: components["schemas"]["SecretSpec"];
            status?: {
                conditions?: components["schemas"]["Condition"][];
            } & {
                [key: string]: unknown;
            };
        };
        SecretInput: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "Secret";
            metadata: {
                annotations?: {
                    [key: string]: string;
                };
                creationTimestamp?: string;
                deletionTimestamp?: string;
                finalizers?: string[];
                generation?: number;
                labels?: {
                    [key: string]: string;
                };
                name: string;
                /** @default default */
                namespace?: string;
                /** @description When given, the write succeeds only if it still is the stored one. */
                resourceVersion?: string;
                uid?: string;
            };
            spec: components["schemas"]["SecretSpec"];
            status?: unknown;
        };
        SecretList: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            items: components["schemas"]["Secret"][];
            /** @constant */
            kind: "SecretList";
            metadata: {
                resourceVersion: string;
            };
        };
        SecretSpec: {
            /** @description Write-only: stored encrypted and never returned. Left out, the stored values stay. A null value removes a key. */
            stringData?: {
                [key: string]: string | null;
            };
        };
        SourceApproval: {
            /** @description Why; for the audit log. */
            reason: string;
        };
        SourceApproved: {
            changes: {
                /** @enum {string} */
                kind: "Cluster" | "TrafficPolicy" | "HealthCheck" | "Zone" | "DNSProvider" | "Secret" | "Drain" | "Drill" | "Gateway" | "HTTPRoute" | "GRPCRoute" | "BackendTLSPolicy" | "ReferenceGrant" | "Backend" | "AuthPolicy" | "GatewayPolicy" | "RateLimitPolicy" | "CallerRouting" | "Issuer" | "CertificatePolicy";
                name: string;
                namespace: string;
            }[];
            id: string;
        };
        SourceReturn: {
            /** @enum {string} */
            kind: "Cluster" | "TrafficPolicy" | "HealthCheck" | "Zone" | "DNSProvider" | "Secret" | "Drain" | "Drill" | "Gateway" | "HTTPRoute" | "GRPCRoute" | "BackendTLSPolicy" | "ReferenceGrant" | "Backend" | "AuthPolicy" | "GatewayPolicy" | "RateLimitPolicy" | "CallerRouting" | "Issuer" | "CertificatePolicy";
            name: string;
            /** @default default */
            namespace?: string;
            reason?: string;
        };
        SourceReturned: {
            /** @enum {string} */
            source: "git-folder" | "kubernetes";
        };
        SourceStatus: {
            /** @description The folder, or the API server's address. */
            at: string;
            lastPassAt?: string;
            objects: {
                applied: number;
                conflict: number;
                failed: number;
                held: number;
                refused: number;
            };
            problems: {
                fix?: string;
                message: string;
                object?: string;
                origin: string;
            }[];
            ready: boolean;
            /** @description What was read: a Git commit where the folder is a checkout, else a digest. */
            revision?: string;
            /** @enum {string} */
            source: "git-folder" | "kubernetes";
            /** @description Objects that no source sets. */
            unmanaged?: string[];
        };
        SourceStatusList: {
            items: components["schemas"]["SourceStatus"][];
        };
        TargetStatus: {
            address: string;
            cluster: string;
            degraded: boolean;
            id: string;
            port: number;
            protocol: string;
            reason: string;
            since: string;
            /** @enum {string} */
            state: "up" | "down" | "unknown";
            usedBy: string[];
            votes: {
                ageMs: number;
                counted: boolean;
                detail: string;
                failureDomain: string;
                injected: boolean;
                vantage: string;
                /** @enum {string} */
                verdict: "up" | "down" | "none";
            }[];
        };
        Token: {
            bindings: components["schemas"]["RoleBinding"][];
            createdAt: string;
            display: string;
            expiresAt?: string;
            id: string;
            lastUsedAt?: string;
        };
        TokenCreated: {
            bindings: components["schemas"]["RoleBinding"][];
            createdAt: string;
            display: string;
            expiresAt?: string;
            id: string;
            lastUsedAt?: string;
            token: string;
        };
        TokenInput: {
            bindings: components["schemas"]["RoleBinding"][];
            display: string;
            /** Format: date-time */
            expiresAt?: string;
        };
        TokenList: {
            items: components["schemas"]["Token"][];
        };
        TrafficPolicy: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "TrafficPolicy";
            metadata: components["schemas"]["Metadata"];
            spec: components["schemas"]["TrafficPolicySpec"];
            status?: {
                conditions?: components["schemas"]["Condition"][];
            } & {
                [key: string]: unknown;
            };
        };
        TrafficPolicyInput: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "TrafficPolicy";
            metadata: {
                annotations?: {
                    [key: string]: string;
                };
                creationTimestamp?: string;
                deletionTimestamp?: string;
                finalizers?: string[];
                generation?: number;
                labels?: {
                    [key: string]: string;
                };
                name: string;
                /** @default default */
                namespace?: string;
                /** @description When given, the write succeeds only if it still is the stored one. */
                resourceVersion?: string;
                uid?: string;
            };
            spec: components["schemas"]["TrafficPolicySpec"];
            status?: unknown;
        };
        TrafficPolicyList: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            items: components["schemas"]["TrafficPolicy"][];
            /** @constant */
            kind: "TrafficPolicyList";
            metadata: {
                resourceVersion: string;
            };
        };
        TrafficPolicySpec: {
            /**
             * @description A tier with less than this share of its capacity healthy is joined by the next tier.
             * @default 0
             */
            capacityFloorPercent?: number;
            /**
             * @description How DNS providers publish it; the embedded name servers do everything themselves.
             * @default {}
             */
            dns?: {
                /**
                 * @description What may be lost at a provider that cannot do it. Residency never may.
                 * @default []
                 */
                accept?: ("geo" | "subnets" | "weights" | "mixedTypes")[];
                /**
                 * @description Who takes what is down out of answers: the hub (`portolan`), the provider's own health checks (`native`), or the hub with those as the fallback (`both`).
                 * @default portolan
                 * @enum {string}
                 */
                decider?: "portolan" | "native" | "both";
                /**
                 * @description `auto`: the provider's own routing where it keeps the meaning; `computed`: plain records always.
                 * @default auto
                 * @enum {string}
                 */
                form?: "auto" | "computed";
                /**
                 * @description Other hubs may publish addresses of their own under the same hostnames; plain records only.
                 * @default false
                 */
                shared?: boolean;
            };
            /**
             * @description Seconds over which a drained cluster's share goes to zero, and comes back after.
             * @default 0
             */
            drainRampSeconds?: number;
            endpoints: {
                /** @description Public addresses; default: the cluster's. */
                addresses?: (string)[];
                /**
                 * @description Relative capacity for the capacity floor and the change budget.
                 * @default 1
                 */
                capacity?: number;
                /** @description Name of a Cluster in the same namespace. */
                cluster: string;
                /** @description Instead of addresses: answer with a CNAME to this name. */
                cname?: string;
                /** @description Where the cluster's own agent probes it from inside; default: the public address. */
                internal?: {
                    address: string;
                    port?: number;
                };
                name: string;
                /** @description Port of the health check, when it differs from the check's. */
                port?: number;
            }[];
            /** @description Default: TCP connect to port 443. */
            healthCheck?: {
                ref: string;
            } | {
                inline: components["schemas"]["HealthCheckSpec"];
            };
            /** @description Exact names, the apex of a zone, or a wildcard (`*.api.example.com`). Each belongs to one policy only. */
            hostnames: string[];
            /**
             * @description An answer that may change soon gets a lower TTL, never below this.
             * @default 5
             */
            minTtlSeconds?: number;
            /**
             * @description Serve all members (not administratively down) when less than this share of their capacity is healthy. 0: only at none.
             * @default 0
             */
            panicThresholdPercent?: number;
            residency?: {
                /** @description When every cluster inside is down: serve them all (`panic`), the last healthy answer, or a maintenance address. */
                onAllDown?: {
                    /** @constant */
                    action: "panic";
                } | {
                    /** @constant */
                    action: "lastAnswer";
                } | {
                    /** @constant */
                    action: "maintenance";
                    addresses: (string)[];
                };
                /** @description A query located here is never answered with a cluster outside. */
                region: string;
                /**
                 * @description What a query of unknown location gets: only clusters inside (`restrict`, fails closed) or any.
                 * @default restrict
                 * @enum {string}
                 */
                unknownLocation?: "restrict" | "allow";
            }[];
            routing: {
                /** @description Answers every query no geo rule matches; also the next best when a rule has no healthy member. */
                default: {
                    tiers: {
                        members: {
                            endpoint: string;
                            /**
                             * @description Share relative to the other members of the tier; 0 = only when every other member is down.
                             * @default 1
                             */
                            weight?: number;
                        }[];
                    }[];
                };
                geo?: {
                    /** @description Most specific wins: CIDR (longest prefix), subdivision, country, region, continent. */
                    match: {
                        cidrs?: (string)[];
                        continents?: ("AF" | "AN" | "AS" | "EU" | "NA" | "OC" | "SA")[];
                        countries?: string[];
                        regions?: string[];
                        subdivisions?: string[];
                    };
                    name: string;
                    tiers: {
                        members: {
                            endpoint: string;
                            /**
                             * @description Share relative to the other members of the tier; 0 = only when every other member is down.
                             * @default 1
                             */
                            weight?: number;
                        }[];
                    }[];
                }[];
                /**
                 * @description When neither the matching rules nor the default have a healthy member: other endpoints by distance.
                 * @default nearest
                 * @enum {string}
                 */
                nextBest?: "nearest" | "none";
            };
            /**
             * @default {
             *       "mode": "weighted",
             *       "maxAnswers": 1
             *     }
             */
            selection?: {
                /** @default 1 */
                maxAnswers?: number;
                /** @constant */
                mode: "weighted";
            } | {
                /** @default 24 */
                ipv4PrefixLength?: number;
                /** @default 48 */
                ipv6PrefixLength?: number;
                /** @default 1 */
                maxAnswers?: number;
                /** @constant */
                mode: "sticky";
            };
            /** @default 30 */
            ttlSeconds?: number;
        };
        Usage: {
            amount: number;
            cluster: string;
            key?: string;
            metric: string;
            minute?: string;
            namespace: string;
            principal: string;
            route: string;
        };
        UsageList: {
            items: components["schemas"]["Usage"][];
        };
        WhoAmI: {
            bindings: components["schemas"]["RoleBinding"][];
            display: string;
            expiresAt?: string;
            tokenId: string;
        };
        Zone: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "Zone";
            metadata: components["schemas"]["Metadata"];
            spec: components["schemas"]["ZoneSpec"];
            status?: {
                conditions?: components["schemas"]["Condition"][];
            } & {
                [key: string]: unknown;
            };
        };
        ZoneDnssecAction: {
            message: string;
            zone: string;
        };
        ZoneInput: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            /** @constant */
            kind: "Zone";
            metadata: {
                annotations?: {
                    [key: string]: string;
                };
                creationTimestamp?: string;
                deletionTimestamp?: string;
                finalizers?: string[];
                generation?: number;
                labels?: {
                    [key: string]: string;
                };
                name: string;
                /** @default default */
                namespace?: string;
                /** @description When given, the write succeeds only if it still is the stored one. */
                resourceVersion?: string;
                uid?: string;
            };
            spec: components["schemas"]["ZoneSpec"];
            status?: unknown;
        };
        ZoneKeyRollInput: {
            /** @enum {string} */
            role: "ksk" | "zsk";
        };
        ZoneList: {
            /** @constant */
            apiVersion: "portolan.dev/v1alpha1";
            items: components["schemas"]["Zone"][];
            /** @constant */
            kind: "ZoneList";
            metadata: {
                resourceVersion: string;
            };
        };
        ZoneSpec: {
            /** @description Have a DNS provider lead resolvers to the name servers of this zone. */
            delegation?: {
                /** @description DNSProvider of the same namespace with a zone above the origin: NS, glue and (when the zone is signed) DS are kept there. */
                provider: string;
                /**
                 * @description Of these records; resolvers may hold on to them for this long.
                 * @default 3600
                 */
                ttlSeconds?: number;
            };
            /** @description Sign the zone (ECDSA P-256, compact denial of existence). Leave it out for an unsigned zone. */
            dnssec?: {
                /**
                 * @description Lifetime of the signatures over the DNSKEY set, which the hub makes: how long the zone outlives the hub.
                 * @default 21
                 */
                dnskeyValidityDays?: number;
                /**
                 * @description Lifetime of the signatures that name servers make.
                 * @default 7
                 */
                signatureValidityDays?: number;
                /**
                 * @description Age at which the zone-signing key is replaced, by itself.
                 * @default 90
                 */
                zskLifetimeDays?: number;
            };
            /** @description The NS RRset at the apex; addresses are published as glue when the name lies in the zone. */
            nameServers: {
                addresses?: (string)[];
                name: string;
            }[];
            /** @description Apex of the zone. */
            origin: string;
            /** @default [] */
            records?: {
                /** @description Record data in zone-file presentation format, one string a record. */
                data: string[];
                /** @description Relative to the origin, `@` for the apex, or absolute with a trailing dot. */
                name: string;
                ttlSeconds?: number;
                /** @description Such as A, AAAA, CNAME, DNAME, MX, TXT, CAA, SRV, HTTPS, SVCB, NS (delegation), DS, PTR, NAPTR, TLSA, SSHFP; any other as TYPEnnn (RFC 3597). */
                type: string;
            }[];
            /** @default {} */
            soa?: {
                /**
                 * @description At least 7 days, so that a long hub outage does not end the zone.
                 * @default 1209600
                 */
                expireSeconds?: number;
                /**
                 * @description TTL of negative answers (RFC 2308).
                 * @default 60
                 */
                minimumSeconds?: number;
                /** @description Primary name server; default: the first of `nameServers`. */
                mname?: string;
                /** @default 7200 */
                refreshSeconds?: number;
                /** @default 1800 */
                retrySeconds?: number;
                /** @description Mailbox of the person responsible as a domain name; default: hostmaster.<origin>. */
                rname?: string;
            };
            transfers?: {
                /** @description Each rule lets through whoever meets all it names. */
                allow?: {
                    /** @description Addresses it must come from. */
                    ranges?: (string)[];
                    /** @description Secret with the TSIG key: `name`, `algorithm` (hmac-sha256, hmac-sha384 or hmac-sha512) and `secret` (base64). */
                    tsigSecret?: string;
                }[];
                /**
                 * @description Secondaries that are told when the zone changed (RFC 1996).
                 * @default []
                 */
                notify?: {
                    address: string;
                    /** @default 53 */
                    port?: number;
                    /** @description Secret with the TSIG key: `name`, `algorithm` (hmac-sha256, hmac-sha384 or hmac-sha512) and `secret` (base64). */
                    tsigSecret?: string;
                }[];
            };
            /** @default 300 */
            ttlSeconds?: number;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    listBackendTLSPolicyAll: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BackendTLSPolicyList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listGatewayAll: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GatewayList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listGRPCRouteAll: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GRPCRouteList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listHTTPRouteAll: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPRouteList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listBackendTLSPolicy: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BackendTLSPolicyList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createBackendTLSPolicy: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BackendTLSPolicyInput"];
            };
        };
        responses: {
            /** @description the BackendTLSPolicy */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BackendTLSPolicy"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getBackendTLSPolicy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the BackendTLSPolicy */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BackendTLSPolicy"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceBackendTLSPolicy: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BackendTLSPolicyInput"];
            };
        };
        responses: {
            /** @description the BackendTLSPolicy */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BackendTLSPolicy"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteBackendTLSPolicy: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the BackendTLSPolicy as it last was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BackendTLSPolicy"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listGateway: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GatewayList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createGateway: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["GatewayInput"];
            };
        };
        responses: {
            /** @description the Gateway */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Gateway"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getGateway: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the Gateway */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Gateway"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceGateway: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["GatewayInput"];
            };
        };
        responses: {
            /** @description the Gateway */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Gateway"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteGateway: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the Gateway as it last was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Gateway"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listGRPCRoute: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GRPCRouteList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createGRPCRoute: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["GRPCRouteInput"];
            };
        };
        responses: {
            /** @description the GRPCRoute */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GRPCRoute"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getGRPCRoute: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the GRPCRoute */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GRPCRoute"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceGRPCRoute: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["GRPCRouteInput"];
            };
        };
        responses: {
            /** @description the GRPCRoute */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GRPCRoute"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteGRPCRoute: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the GRPCRoute as it last was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GRPCRoute"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listHTTPRoute: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPRouteList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createHTTPRoute: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["HTTPRouteInput"];
            };
        };
        responses: {
            /** @description the HTTPRoute */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPRoute"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getHTTPRoute: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the HTTPRoute */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPRoute"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceHTTPRoute: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["HTTPRouteInput"];
            };
        };
        responses: {
            /** @description the HTTPRoute */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPRoute"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteHTTPRoute: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the HTTPRoute as it last was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPRoute"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listReferenceGrant: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReferenceGrantList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createReferenceGrant: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReferenceGrantInput"];
            };
        };
        responses: {
            /** @description the ReferenceGrant */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReferenceGrant"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getReferenceGrant: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the ReferenceGrant */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReferenceGrant"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceReferenceGrant: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReferenceGrantInput"];
            };
        };
        responses: {
            /** @description the ReferenceGrant */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReferenceGrant"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteReferenceGrant: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the ReferenceGrant as it last was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReferenceGrant"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listReferenceGrantAll: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReferenceGrantList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listAuthPolicyAll: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuthPolicyList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listBackendAll: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BackendList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listCallerRoutingAll: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CallerRoutingList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listCertificatePolicyAll: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CertificatePolicyList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listClusterAll: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ClusterList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDNSProviderAll: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DNSProviderList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDrainAll: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DrainList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDrillAll: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DrillList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listGatewayPolicyAll: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GatewayPolicyList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listHealthCheckAll: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HealthCheckList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listIssuerAll: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IssuerList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listAuthPolicy: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuthPolicyList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createAuthPolicy: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AuthPolicyInput"];
            };
        };
        responses: {
            /** @description the AuthPolicy */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuthPolicy"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getAuthPolicy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the AuthPolicy */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuthPolicy"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceAuthPolicy: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AuthPolicyInput"];
            };
        };
        responses: {
            /** @description the AuthPolicy */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuthPolicy"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteAuthPolicy: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the AuthPolicy as it last was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuthPolicy"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listBackend: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BackendList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createBackend: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BackendInput"];
            };
        };
        responses: {
            /** @description the Backend */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Backend"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getBackend: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the Backend */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Backend"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceBackend: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BackendInput"];
            };
        };
        responses: {
            /** @description the Backend */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Backend"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteBackend: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the Backend as it last was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Backend"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listCallerRouting: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CallerRoutingList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createCallerRouting: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CallerRoutingInput"];
            };
        };
        responses: {
            /** @description the CallerRouting */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CallerRouting"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getCallerRouting: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the CallerRouting */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CallerRouting"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceCallerRouting: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CallerRoutingInput"];
            };
        };
        responses: {
            /** @description the CallerRouting */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CallerRouting"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteCallerRouting: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the CallerRouting as it last was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CallerRouting"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listCertificatePolicy: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CertificatePolicyList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createCertificatePolicy: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CertificatePolicyInput"];
            };
        };
        responses: {
            /** @description the CertificatePolicy */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CertificatePolicy"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getCertificatePolicy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the CertificatePolicy */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CertificatePolicy"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceCertificatePolicy: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CertificatePolicyInput"];
            };
        };
        responses: {
            /** @description the CertificatePolicy */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CertificatePolicy"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteCertificatePolicy: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the CertificatePolicy as it last was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CertificatePolicy"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listCluster: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ClusterList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createCluster: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ClusterInput"];
            };
        };
        responses: {
            /** @description the Cluster */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Cluster"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getCluster: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the Cluster */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Cluster"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceCluster: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ClusterInput"];
            };
        };
        responses: {
            /** @description the Cluster */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Cluster"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteCluster: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the Cluster as it last was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Cluster"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDNSProvider: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DNSProviderList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createDNSProvider: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DNSProviderInput"];
            };
        };
        responses: {
            /** @description the DNSProvider */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DNSProvider"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getDNSProvider: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the DNSProvider */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DNSProvider"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceDNSProvider: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DNSProviderInput"];
            };
        };
        responses: {
            /** @description the DNSProvider */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DNSProvider"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteDNSProvider: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the DNSProvider as it last was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DNSProvider"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDrain: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DrainList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createDrain: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DrainInput"];
            };
        };
        responses: {
            /** @description the Drain */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Drain"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getDrain: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the Drain */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Drain"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceDrain: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DrainInput"];
            };
        };
        responses: {
            /** @description the Drain */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Drain"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteDrain: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the Drain as it last was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Drain"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDrill: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DrillList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createDrill: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DrillInput"];
            };
        };
        responses: {
            /** @description the Drill */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Drill"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getDrill: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the Drill */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Drill"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceDrill: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DrillInput"];
            };
        };
        responses: {
            /** @description the Drill */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Drill"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteDrill: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the Drill as it last was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Drill"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listGatewayPolicy: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GatewayPolicyList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createGatewayPolicy: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["GatewayPolicyInput"];
            };
        };
        responses: {
            /** @description the GatewayPolicy */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GatewayPolicy"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getGatewayPolicy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the GatewayPolicy */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GatewayPolicy"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceGatewayPolicy: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["GatewayPolicyInput"];
            };
        };
        responses: {
            /** @description the GatewayPolicy */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GatewayPolicy"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteGatewayPolicy: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the GatewayPolicy as it last was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GatewayPolicy"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listHealthCheck: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HealthCheckList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createHealthCheck: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["HealthCheckInput"];
            };
        };
        responses: {
            /** @description the HealthCheck */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HealthCheck"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getHealthCheck: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the HealthCheck */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HealthCheck"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceHealthCheck: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["HealthCheckInput"];
            };
        };
        responses: {
            /** @description the HealthCheck */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HealthCheck"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteHealthCheck: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the HealthCheck as it last was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HealthCheck"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listIssuer: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IssuerList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createIssuer: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["IssuerInput"];
            };
        };
        responses: {
            /** @description the Issuer */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Issuer"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getIssuer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the Issuer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Issuer"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceIssuer: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["IssuerInput"];
            };
        };
        responses: {
            /** @description the Issuer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Issuer"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteIssuer: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the Issuer as it last was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Issuer"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listRateLimitPolicy: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RateLimitPolicyList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createRateLimitPolicy: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RateLimitPolicyInput"];
            };
        };
        responses: {
            /** @description the RateLimitPolicy */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RateLimitPolicy"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getRateLimitPolicy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the RateLimitPolicy */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RateLimitPolicy"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceRateLimitPolicy: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RateLimitPolicyInput"];
            };
        };
        responses: {
            /** @description the RateLimitPolicy */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RateLimitPolicy"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteRateLimitPolicy: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the RateLimitPolicy as it last was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RateLimitPolicy"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listSecret: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SecretList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createSecret: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SecretInput"];
            };
        };
        responses: {
            /** @description the Secret */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Secret"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getSecret: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the Secret */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Secret"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceSecret: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SecretInput"];
            };
        };
        responses: {
            /** @description the Secret */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Secret"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteSecret: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the Secret as it last was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Secret"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listTrafficPolicy: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TrafficPolicyList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createTrafficPolicy: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TrafficPolicyInput"];
            };
        };
        responses: {
            /** @description the TrafficPolicy */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TrafficPolicy"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getTrafficPolicy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the TrafficPolicy */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TrafficPolicy"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceTrafficPolicy: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TrafficPolicyInput"];
            };
        };
        responses: {
            /** @description the TrafficPolicy */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TrafficPolicy"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteTrafficPolicy: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the TrafficPolicy as it last was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TrafficPolicy"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listZone: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ZoneList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createZone: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ZoneInput"];
            };
        };
        responses: {
            /** @description the Zone */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Zone"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getZone: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the Zone */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Zone"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceZone: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ZoneInput"];
            };
        };
        responses: {
            /** @description the Zone */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Zone"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteZone: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the Zone as it last was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Zone"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listRateLimitPolicyAll: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RateLimitPolicyList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listSecretAll: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SecretList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listTrafficPolicyAll: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TrafficPolicyList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listZoneAll: {
        parameters: {
            query?: {
                resourceVersion?: string;
                watch?: "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the list, or an event stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ZoneList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    healthz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description "ok" */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain; charset=utf-8": string;
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description text exposition format */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain; version=0.0.4; charset=utf-8": string;
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readyz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description ready */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            /** @description not ready */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    adoptRecords: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AdoptInput"];
            };
        };
        responses: {
            /** @description before and after, at each provider */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AdoptPreviews"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    apply: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["Documents"];
            };
        };
        responses: {
            /** @description what was done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Applied"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listAudit: {
        parameters: {
            query?: {
                after?: string;
                limit?: string;
                namespace?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description a page of entries */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuditPage"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    verifyAudit: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description entries checked, and the first that does not fit */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuditVerification"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listCertificates: {
        parameters: {
            query?: {
                /** @description Only this namespace; all that the caller may see when left out. */
                namespace?: string;
                /** @description Only those of this CertificatePolicy. */
                policy?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the certificates */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CertificateList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    drainCluster: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["DrainInput"];
            };
        };
        responses: {
            /** @description what is true now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ClusterAction"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    clusterInventory: {
        parameters: {
            query?: {
                /** @description Only objects of this kind. */
                kind?: "Gateway" | "HTTPRoute" | "GRPCRoute" | "BackendTLSPolicy" | "ReferenceGrant" | "Service" | "Secret" | "Namespace";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the inventory */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ClusterInventory"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    removeCluster: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
                takeOver?: "true" | "false";
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description what is true now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ClusterAction"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createClusterToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ClusterTokenInput"];
            };
        };
        responses: {
            /** @description the token, shown once */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ClusterToken"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    undrainCluster: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description what is true now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ClusterAction"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    abortDrill: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                reason?: string;
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the drill */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Drill"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    startDrill: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                reason?: string;
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the drill */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Drill"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    planDrill: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DrillPlanInput"];
            };
        };
        responses: {
            /** @description guards, steps and answers */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DrillPlan"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    gatewayCa: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the certificate, PEM */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GatewayCa"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    explainRoute: {
        parameters: {
            query?: {
                cluster?: string;
                headers?: string;
                method?: string;
                request?: string;
                route?: string;
                rule?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the rules */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ExplainedRules"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    geoStatus: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the databases */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GeoStatus"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    activateGeo: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["GeoActivation"];
            };
        };
        responses: {
            /** @description the databases */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GeoStatus"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    rollbackGeo: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["GeoRollback"];
            };
        };
        responses: {
            /** @description the databases */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GeoStatus"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    stageGeo: {
        parameters: {
            query?: {
                /** @description Checksum its publisher shows. */
                sha256?: string;
                /** @description Ed25519 over the file, base64; required when the hub has geo.trustedKeys. */
                signature?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description At most 268435456 octets. */
        requestBody: {
            content: {
                "application/octet-stream": string;
            };
        };
        responses: {
            /** @description the comparison has begun */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GeoStatus"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listKeys: {
        parameters: {
            query?: {
                /** @description `next` of the page before. */
                after?: string;
                labels?: string;
                limit?: string;
                /** @description Only this namespace; all that the caller may see when left out. */
                namespace?: string;
                plan?: string;
                principal?: string;
                state?: "active" | "rotated" | "revoked" | "expired";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description a page of keys */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApiKeyPage"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ApiKeyInput"];
            };
        };
        responses: {
            /** @description the key */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApiKeyCreated"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    describeKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the key */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApiKeyDescription"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the key as it last was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApiKey"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    revokeKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ApiKeyRevocation"];
            };
        };
        responses: {
            /** @description the key as it is now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApiKey"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    rotateKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ApiKeyRotation"];
            };
        };
        responses: {
            /** @description the new key */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApiKeyCreated"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    importKeys: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ApiKeyImportInput"];
            };
        };
        responses: {
            /** @description their public ids, in the order of the list */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApiKeyImport"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    certificateTrial: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the trial */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CertificateTrial"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tryCertificatePolicy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["CertificateTrialRequest"];
            };
        };
        responses: {
            /** @description the trial under way */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CertificateTrial"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    describeCertificate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the certificate */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CertificateDetail"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    certificateChain: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the chain */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CertificateChain"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    certificateHistory: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the last 20 events */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CertificateHistory"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    renewCertificate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["CertificateRenewalRequest"];
            };
        };
        responses: {
            /** @description what happens */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CertificateRenewal"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    revokeCertificate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CertificateRevocationRequest"];
            };
        };
        responses: {
            /** @description what happens */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CertificateRenewal"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    plan: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["Documents"];
            };
        };
        responses: {
            /** @description the plan; documents that cannot be applied carry their violations */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Plan"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    compileReports: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description one report for each hostname and provider */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CompileReports"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    approveProviderPlan: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ApproveInput"];
            };
        };
        responses: {
            /** @description how the zone stands now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProviderZoneState"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    checkProvider: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description what was found, and what the provider can do */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProviderCheck"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readProviderZone: {
        parameters: {
            query: {
                /** @description Apex of a zone of the provider. */
                zone: string;
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the records */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProviderZoneContent"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    resumeProviderZone: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ResumeInput"];
            };
        };
        responses: {
            /** @description how the zone stands now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProviderZoneState"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    rollbackProviderZone: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RollbackInput"];
            };
        };
        responses: {
            /** @description how the zone stands now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProviderZoneState"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listProviderStates: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description one state for each zone */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProviderZoneStates"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listProviderZones: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the zones */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProviderZones"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listQuota: {
        parameters: {
            query?: {
                key?: string;
                /** @description A policy, policy/limit, or the whole name of a rate. */
                limit?: string;
                /** @description Keys of each limit. */
                most?: string;
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the limits */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["QuotaList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    explainQuota: {
        parameters: {
            query: {
                key?: string;
                limit: string;
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the explanation */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["QuotaExplanation"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    setQuota: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["QuotaOverride"];
            };
        };
        responses: {
            /** @description the limit with this key */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["QuotaLimit"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    unsetQuota: {
        parameters: {
            query: {
                key?: string;
                limit: string;
            };
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the limit with this key */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["QuotaLimit"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    resetQuota: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["QuotaReset"];
            };
        };
        responses: {
            /** @description what was forgotten */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["QuotaResetResult"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    resolve: {
        parameters: {
            query: {
                client?: string;
                /** @description ISO 3166-1 alpha-2, upper case, such as DE. */
                from?: string;
                hostname: string;
                type?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the answer with its explanation */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ResolveResult"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listSources: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the sources of this hub */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SourceStatusList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listHeldChanges: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description what is held */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HeldChangeList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    approveHeldChange: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SourceApproval"];
            };
        };
        responses: {
            /** @description what was let through */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SourceApproved"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    returnToSource: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SourceReturn"];
            };
        };
        responses: {
            /** @description who sets it from now on */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SourceReturned"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    status: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the status */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HubStatus"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listTokens: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the tokens */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TokenList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createToken: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TokenInput"];
            };
        };
        responses: {
            /** @description the token */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TokenCreated"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    revokeToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description revoked */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listUsage: {
        parameters: {
            query?: {
                by?: "minute" | "total";
                cluster?: string;
                from?: string;
                key?: string;
                limit?: string;
                metric?: string;
                namespace?: string;
                principal?: string;
                route?: string;
                to?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description rows of usage */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UsageList"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    watchAll: {
        parameters: {
            query?: {
                namespace?: string;
                resourceVersion?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the events */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    whoAmI: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the token without its secret */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WhoAmI"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    confirmZoneDs: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description what is taken for granted now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ZoneDnssecAction"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    continueZoneRoll: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description who is left behind */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ZoneDnssecAction"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    rollZoneKey: {
        parameters: {
            query?: {
                dryRun?: "true" | "false";
                force?: "true" | "false";
                reason?: string;
            };
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ZoneKeyRollInput"];
            };
        };
        responses: {
            /** @description what was begun */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ZoneDnssecAction"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    zoneCompileReports: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                namespace: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description a report where it is delegated, else none */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CompileReports"];
                };
            };
            /** @description what went wrong, and the way out */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
