/**
 * Every stable error code, with the HTTP status it maps to, what it means and what a person can do.
 * A code is never renamed or reused. `docs/reference/errors.md` is generated from this table.
 */
export interface ErrorEntry {
  /** HTTP status when it crosses the API. */
  readonly status:
    | 400
    | 401
    | 403
    | 404
    | 405
    | 408
    | 409
    | 410
    | 412
    | 413
    | 414
    | 415
    | 421
    | 422
    | 429
    | 431
    | 499
    | 500
    | 501
    | 502
    | 503
    | 504
    | 507;
  /** What the code means, one sentence. */
  readonly meaning: string;
  /** The usual way out; a thrown error may give a more exact one. */
  readonly fix: string;
}

const entry = (status: ErrorEntry['status'], meaning: string, fix: string): ErrorEntry => ({
  status,
  meaning,
  fix,
});

export const ERROR_TABLE = {
  // --- resources and requests
  VALIDATION_FAILED: entry(
    422,
    'The document does not fit its schema.',
    'Correct the listed fields; `portolan describe schema <kind>` prints the schema.',
  ),
  YAML_INVALID: entry(
    400,
    'The text is not valid YAML or JSON.',
    'Correct the line and column named in the message.',
  ),
  KIND_UNKNOWN: entry(
    400,
    'The apiVersion and kind name no known resource.',
    'Use one of the kinds listed by `portolan get --help`.',
  ),
  NOT_FOUND: entry(404, 'No such object.', 'List what exists with `portolan get <kind> -n <namespace>`.'),
  ALREADY_EXISTS: entry(
    409,
    'An object of that kind and name exists already.',
    'Use `portolan apply` to change it, or choose another name.',
  ),
  CONFLICT: entry(
    409,
    'The object changed since it was read (resourceVersion does not match).',
    'Read it again and repeat the change.',
  ),
  HOSTNAME_CLAIMED: entry(
    409,
    'Another TrafficPolicy already answers for this hostname.',
    'Remove the hostname from one of the two policies.',
  ),
  ZONE_CLAIMED: entry(
    409,
    'The origin belongs to another Zone, lies inside one of another namespace, or contains hostnames of another namespace.',
    'Use a different origin, delete the other Zone, or let its owners delegate the name by an NS record.',
  ),
  GEO_OVERLAP: entry(
    422,
    'Two geo rules match the same place at the same level.',
    'Let each country, region, continent, subdivision or CIDR stand in one rule only.',
  ),
  WEIGHTS_ALL_ZERO: entry(
    422,
    'All weights of a tier are zero, so it could never answer.',
    'Give at least one member of the tier a weight above zero, or remove the tier.',
  ),
  REFERENCE_NOT_FOUND: entry(
    422,
    'The object names another object that does not exist.',
    'Create the named object first, or correct the name.',
  ),
  ADDRESS_FORBIDDEN: entry(
    422,
    'An address that would be probed, or that a policy would answer with, is loopback, link-local, cloud metadata, multicast or reserved. Static records of zones are not checked.',
    'Use another address (private ones need no permission), or let the operator add the range to `network.allowedRanges` of the hub and of its agents.',
  ),
  IN_USE: entry(
    409,
    'Other objects still refer to this object.',
    'Delete or change the referring objects first.',
  ),
  CLUSTER_JOINED: entry(
    409,
    'The cluster still has a joined agent.',
    'Use `portolan cluster remove <name>`, which revokes its agent first. It refuses with IN_USE while policies have endpoints on the cluster: take these out before.',
  ),
  LAST_CAPACITY: entry(
    409,
    'The change would leave a hostname, a region of its residency rules, or a record type of it without an endpoint.',
    'Bring another cluster back first, or pass --force if this is intended.',
  ),
  CHANGE_BUDGET_EXCEEDED: entry(
    409,
    "The change removes more than 30 % of a hostname's capacity within 5 minutes.",
    'Apply it in smaller steps, or pass --force (which is recorded in the audit log).',
  ),
  PAYLOAD_TOO_LARGE: entry(
    413,
    'The request body is larger than the limit.',
    'Split the request; the limit is named in the message.',
  ),
  RATE_LIMITED: entry(
    429,
    'Too many requests from this address.',
    'Wait a second (see Retry-After) and try again.',
  ),
  WATCH_EXPIRED: entry(
    410,
    'The watch asks for a resourceVersion that is no longer kept.',
    'List again and watch from the returned resourceVersion.',
  ),
  METHOD_NOT_ALLOWED: entry(
    405,
    'The path exists, but not with this method.',
    'Use one of the methods named in the Allow header.',
  ),
  MEDIA_TYPE_UNSUPPORTED: entry(
    415,
    'The body is in a format the API does not read.',
    'Send application/json or application/yaml.',
  ),
  TOO_MANY_WATCHES: entry(
    429,
    'As many watches are open as the hub allows.',
    'Close watches that are no longer needed, then try again.',
  ),
  TIMEOUT: entry(
    503,
    'The request took longer than the hub allows.',
    'Read the object to see whether the write happened, then try again.',
  ),

  // --- DNS providers
  PROVIDER_UNAVAILABLE: entry(
    503,
    'A DNS provider does not answer, throttles, or fails.',
    'Wait: it is tried again with growing pauses. `portolan provider check` shows what it says.',
  ),
  PROVIDER_DENIED: entry(
    422,
    'A DNS provider refuses the credentials, or they lack a permission.',
    'Run `portolan provider check <name>`: it names the permission to grant, or the key of the Secret to correct.',
  ),
  PROVIDER_ZONE_MISSING: entry(
    422,
    'The account has no such zone.',
    'List what it has with `portolan zone list --provider <name>`; create the zone there, or correct `spec.zones`.',
  ),
  PROVIDER_REFUSED: entry(
    422,
    'A DNS provider refuses a record for what it is.',
    'Correct what the message names. It is tried again within minutes, and at once by `portolan provider check <name>`; the other names of the zone are published all the same.',
  ),
  PROVIDER_UNSUPPORTED: entry(
    422,
    'A DNS provider cannot do what is asked, and nothing honest comes close.',
    'Accept the loss where `portolan explain` names one, delegate the name to the embedded name servers, or use another provider.',
  ),
  PROVIDER_SUPERSEDED: entry(
    409,
    'A hub with a newer epoch writes this zone: this one must not.',
    'Use the hub that took over; stop the other one. If none did, somebody wrote the fence: remove the TXT record `<hub>._fence._portolan.<zone>` at the provider.',
  ),
  RECORDS_FOREIGN: entry(
    409,
    'Records stand at a hostname that were not made by this hub, so they are not touched.',
    'Look at them and take them over with `portolan adopt <hostname>`, or remove them or the hostname.',
  ),
  RECORDS_PROTECTED: entry(
    409,
    'SOA, NS and DS records at the apex of a zone, and those of others, are never changed.',
    'Change them at the provider.',
  ),
  RECORDS_EMPTY: entry(
    409,
    'A name that is still wanted would be left without any answer.',
    'Give it an endpoint, or delete the policy if the name shall go.',
  ),
  PLAN_NEEDS_APPROVAL: entry(
    409,
    'A plan removes more of the names of a zone than is let through without a person.',
    'Look at it with `portolan provider plan <name>` and let it through with `portolan provider approve <name> --zone <origin> --plan <hash>`.',
  ),
  PROVIDER_FROZEN: entry(
    409,
    'The DNSProvider is frozen, forbids removals, or a rollback holds the zone.',
    'Set `spec.frozen: false` (or `spec.deletions: allow`), or run `portolan provider resume <name> --zone <origin>`.',
  ),

  // --- who may do what
  UNAUTHENTICATED: entry(
    401,
    'No valid token came with the request.',
    'Set PORTOLAN_TOKEN or run `portolan init`; a new token comes from `portolan token create`.',
  ),
  FORBIDDEN: entry(
    403,
    "The token's role does not allow this in this namespace.",
    'Ask an admin for a token with the role named in the message.',
  ),
  HOST_NOT_ALLOWED: entry(
    403,
    'The Host header names a host this hub does not serve.',
    "Use the hub's own address, or add the name to `api.allowedHosts`.",
  ),
  JOIN_TOKEN_INVALID: entry(
    401,
    'The join token is malformed, unknown, or its secret does not match.',
    'Create a new one with `portolan cluster token <cluster>`.',
  ),
  JOIN_TOKEN_EXPIRED: entry(
    401,
    "The join token has expired (by the hub's clock).",
    'Create a new one with `portolan cluster token <cluster>`.',
  ),
  JOIN_TOKEN_USED: entry(
    409,
    'The join token was already used with another key.',
    'Create a new one with `portolan cluster token <cluster>`; a token works once.',
  ),
  CA_PIN_MISMATCH: entry(
    403,
    "The server's CA is not the one the join token pins.",
    'Check that the hub URL is right and that nobody intercepts the connection; create a new token.',
  ),
  CSR_INVALID: entry(
    400,
    'The certificate request cannot be read or its signature is wrong.',
    'Run `portolan cluster join` again; it makes a new request.',
  ),
  AGENT_REVOKED: entry(
    403,
    "This agent's identity was revoked.",
    'Join again with a new token if the cluster should come back.',
  ),
  AGENT_CERTIFICATE_EXPIRED: entry(
    403,
    "The agent's certificate expired more than 7 days ago and can no longer be renewed.",
    'Join again with a new token: `portolan cluster token <cluster>`.',
  ),
  AGENT_DUPLICATE: entry(
    409,
    "A newer process with this agent's identity took its place on the hub.",
    'Run one agent per identity: stop the other one, or join it with a token of its own.',
  ),
  CLOCK_SKEW: entry(
    403,
    'The clocks of agent and hub differ too much for certificates to be valid.',
    'Correct the clock (NTP); the difference is named in the message.',
  ),

  // --- the gateway
  CREDENTIALS_MISSING: entry(
    401,
    'The request carries no credentials that the policy of its route takes.',
    'Send a key or token where the policy expects it; `portolan explain route` shows where that is.',
  ),
  CREDENTIALS_INVALID: entry(
    401,
    'The credentials are not known, or not valid here.',
    'Check the key or token; `portolan key list` shows the keys by their public ids.',
  ),
  CREDENTIALS_EXPIRED: entry(401, 'The key or token has expired.', 'Rotate the key, or get a new token.'),
  CREDENTIALS_REVOKED: entry(401, 'The key was revoked.', 'Ask for a new key.'),
  CREDENTIALS_STALE: entry(
    503,
    'The gateway has not heard from the hub for longer than the policy lets keys be trusted.',
    'Restore the connection to the hub, or raise `maxStalenessSeconds` of the AuthPolicy.',
  ),
  CREDENTIALS_THROTTLED: entry(
    429,
    'Too many wrong credentials came from this address; for a moment none of it are looked at.',
    'Stop sending what is refused, and try again in a second.',
  ),
  AUTH_UNAVAILABLE: entry(
    503,
    'Who would decide about the credentials cannot be reached, and no earlier decision may be used.',
    'Look at the token issuer or the authorisation service; `decisions.mode` says what holds meanwhile.',
  ),
  ACCESS_DENIED: entry(
    403,
    'The caller is known and not allowed.',
    'Ask for the role, scope or rule that the policy demands; `portolan explain route` shows it.',
  ),
  RESIDENCY_REFUSED: entry(
    403,
    'Clients of this place must not be served on this cluster.',
    'Ask the name again: its answer leads to a cluster inside the region.',
  ),
  REQUEST_MALFORMED: entry(
    400,
    'The request could be read in two ways, or breaks HTTP.',
    'Send it as RFC 9112 or RFC 9113 says.',
  ),
  METHOD_UNSUPPORTED: entry(
    501,
    'The gateway serves no requests with this method.',
    'Use another method; TRACE is refused because it shows what proxies add to a request.',
  ),
  PATH_DOUBTFUL: entry(
    400,
    'The path has dot segments, empty segments, encoded slashes or parameters that servers read differently.',
    'Send the normal form of the path, or set `path.doubtful: keep` in a GatewayPolicy.',
  ),
  HOST_UNKNOWN: entry(
    404,
    'No listener or route has this host.',
    'Check the Host, and the hostnames of the routes.',
  ),
  QUOTA_EXCEEDED: entry(
    429,
    'A limit of requests is used up.',
    'Wait as long as Retry-After says; `portolan quota get` shows the limit and what is left.',
  ),
  QUOTA_UNAVAILABLE: entry(
    503,
    'Whether a limit still admits the request cannot be known now: the hub cannot be asked, or too many keys are in use.',
    'Try again; `onHubLoss` of the policy says what holds while the hub cannot be reached.',
  ),
  MISDIRECTED: entry(
    421,
    'The host belongs to another listener than the TLS server name of the connection.',
    'Open a new connection for this host.',
  ),
  ROUTE_NOT_FOUND: entry(
    404,
    'No rule of the host matches.',
    'Compare method, path and headers with the routes.',
  ),
  BODY_TOO_LARGE: entry(
    413,
    'The body is longer than allowed.',
    'Raise `limits.maxBodyBytes` of a GatewayPolicy.',
  ),
  HEADERS_TOO_LARGE: entry(
    431,
    'The header fields are longer than allowed.',
    'Send fewer cookies, or raise `limits.maxHeaderBytes` of a GatewayPolicy.',
  ),
  REQUEST_TIMEOUT: entry(
    408,
    'The request took too long to arrive.',
    'Send it faster, or raise the timeouts of a GatewayPolicy.',
  ),
  CLIENT_GONE: entry(
    499,
    'The client closed the connection before its answer was whole. Stands in logs and metrics alone: nobody was left to be told.',
    'Nothing, unless there are many: then look at the timeouts of the clients and how long the backend takes.',
  ),
  BACKEND_UNAVAILABLE: entry(
    503,
    'No endpoint of the backend takes the request.',
    'Look at the endpoints of the Backend and their health.',
  ),
  BACKEND_OVERLOADED: entry(
    503,
    'All connections to the backend are in use and too many requests wait.',
    'Raise `limits` of the Backend or add endpoints.',
  ),
  BACKEND_TIMEOUT: entry(
    504,
    'The backend did not answer in time.',
    'Look at the backend, or raise the timeouts of the rule.',
  ),
  BACKEND_BROKEN: entry(
    502,
    'The backend broke the protocol, or closed the connection before its answer.',
    'Look at the backend; the message says what was wrong.',
  ),
  BACKEND_UNRESOLVED: entry(
    500,
    'The rule names a backend that does not exist or may not be used, or a filter that leads nowhere.',
    '`portolan describe httproute <name>` has the reason in condition ResolvedRefs: make the Backend of that name, or a ReferenceGrant where it is.',
  ),
  GATEWAY_INVALID: entry(
    422,
    'A gateway resource cannot be used as written.',
    'Correct the field that the message names.',
  ),
  CEL_INVALID: entry(
    422,
    'A CEL expression does not parse, does not fit its types, or uses what is not there.',
    'Correct the expression at the position in the message; docs/guides/authorisation.md lists what there is.',
  ),
  REGEX_INVALID: entry(
    422,
    'A regular expression is outside the RE2 subset, or does not parse.',
    'Leave out back-references and look-around; they cannot be matched in linear time.',
  ),
  KEY_NOT_FOUND: entry(404, 'No API key has this id.', 'List them with `portolan key list`.'),
  KEY_LIMIT: entry(
    422,
    'There are more API keys, or longer ones, than a cluster can hold.',
    'Shorten labels and attributes, or delete keys that are no longer used.',
  ),
  KEY_FEED_INVALID: entry(
    422,
    'A change of API keys is damaged, unsigned, or older than one already seen.',
    'Nothing to do: the keys known stay in use, and the agent asks for all of them again.',
  ),
  // --- certificates
  ISSUER_UNAVAILABLE: entry(
    503,
    'The certificate authority does not answer, or not as RFC 8555 has it.',
    'Nothing to do for a while: it is tried again, and another Issuer of the policy stands in. Check `spec.acme.directory` and the network if it stays.',
  ),
  ISSUER_REFUSED: entry(
    422,
    'The certificate authority refuses the account or the order.',
    'The message has its own words; correct the Issuer or the names of the CertificatePolicy.',
  ),
  ISSUER_RATE_LIMITED: entry(
    429,
    'The certificate authority has given as many certificates as it gives for now.',
    'It is tried again when the authority says so. Put names into fewer certificates, or add another Issuer.',
  ),
  CERTIFICATE_NAME_NOT_OURS: entry(
    422,
    'It cannot be proven that this name is ours.',
    'Add a Zone or DNSProvider that holds the name, lead _acme-challenge of it to one by a CNAME, or serve it from a Gateway with an HTTP listener.',
  ),
  CHALLENGE_NOT_VISIBLE: entry(
    504,
    'A challenge is not visible everywhere that the certificate authority may look.',
    'The message names the server or agent that lacks it; it is tried again.',
  ),
  CHALLENGE_FAILED: entry(
    422,
    'The certificate authority looked for a challenge and did not find it.',
    'The message has its own words; check the delegation of the zone, firewalls and CAA records.',
  ),
  CERTIFICATE_NOT_FOUND: entry(404, 'There is no such certificate.', 'List them with `portolan cert list`.'),
  AGENT_KEY_MISSING: entry(
    503,
    "The cluster's agent has not made the key of its certificate yet.",
    'Check that the agent is connected and of a release that makes keys: `portolan get clusters`.',
  ),
  EXPORT_FAILED: entry(
    500,
    'A certificate cannot be given to the program of this machine that needs it.',
    'The message has the reason; correct `certificates.exports` of the agent or what it names. It is tried again.',
  ),
  KUBERNETES_UNAVAILABLE: entry(
    503,
    'No Kubernetes API server is known, or it does not answer.',
    'Run it in a pod with a service account, or name a kubeconfig (KUBECONFIG, --kubeconfig); hubs and agents try again.',
  ),
  KUBERNETES_REFUSED: entry(
    422,
    'The Kubernetes API server refuses what it was asked for.',
    'The message has its reason.',
  ),
  KUBERNETES_FORBIDDEN: entry(
    403,
    'The Kubernetes API server does not let this program do that.',
    'Grant the verb on the resource that the message names, in a Role or ClusterRole.',
  ),
  KUBERNETES_CONFLICT: entry(
    409,
    'The object in Kubernetes changed meanwhile, or somebody else manages these fields.',
    'It is read again and tried again; where another manager is named, leave the fields to one of the two.',
  ),
  KUBERNETES_GONE: entry(
    410,
    'The Kubernetes API server no longer has the changes since that version.',
    'The objects are listed anew.',
  ),

  // --- sources of objects
  MANAGED_ELSEWHERE: entry(
    409,
    'The object is set by another source (a Git folder, Kubernetes, or the API).',
    'Change it there; in an emergency an admin takes it over with --take-over and --reason.',
  ),
  SOURCE_INVALID: entry(
    422,
    'What a source says cannot be used.',
    'Correct the files or objects that the message names; nothing of theirs was changed.',
  ),
  PRUNE_LIMIT: entry(
    409,
    'A source would remove more objects at once than it may.',
    'If it is meant, approve it: `portolan source approve` with the id of the held change.',
  ),
  NOT_LEADER: entry(
    503,
    'This hub stands by; another one leads.',
    'Ask the one that leads: the message names it.',
  ),

  // --- configuration and files
  CONFIG_INVALID: entry(400, 'The configuration file is not valid.', 'Correct the listed fields.'),
  DATA_DIR_LOCKED: entry(
    409,
    'Another process uses this data directory.',
    'Stop the other process (its id is in the message), or use another data directory: dataDir in the configuration, or PORTOLAN_DATA_DIR.',
  ),
  DATA_DIR_INVALID: entry(
    400,
    'The data directory is missing, not writable or not a portolan data directory.',
    'Run `portolan init --dir <dir>` or correct the path.',
  ),
  DISK_FULL: entry(
    507,
    'The disk is full; nothing was written.',
    'Free space on the volume named in the message, then repeat.',
  ),
  STORE_CORRUPT: entry(
    500,
    'The store file is damaged.',
    'Restore the last backup; the message names the file.',
  ),
  STORE_UNAVAILABLE: entry(
    503,
    'The database does not answer.',
    'Check the database and its URL; the write was not acknowledged.',
  ),
  KEY_WRONG: entry(
    500,
    'The key-encryption key does not match the one the secrets were encrypted with.',
    'Point `secrets.keyFile` at the original key file.',
  ),
  KEY_FILE_INVALID: entry(
    500,
    'The key file is missing, readable by others, or does not hold 32 bytes in base64.',
    'Correct the file named in the message; `portolan init` makes one, and `chmod 0600` closes it.',
  ),
  STORE_TOO_NEW: entry(
    500,
    'The store was written by a newer version of the program.',
    'Install the newer version again, or restore a backup made before the upgrade.',
  ),
  SNAPSHOT_INVALID: entry(
    422,
    'A snapshot is damaged, unsigned or older than one already seen.',
    'Nothing to do: the last good one stays in use and the hub sends a new one.',
  ),
  SNAPSHOT_INCOMPLETE: entry(
    422,
    'A snapshot names pieces that the agent does not have and was not sent.',
    'Nothing to do: the last good one stays in use and the hub sends all of it.',
  ),
  COOKIE_SECRET_INVALID: entry(
    400,
    'The file of DNS cookie secrets cannot be used.',
    'Write one line of 32 hexadecimal digits, such as `openssl rand -hex 16` makes, or two while the secret is changed.',
  ),
  DNS_TLS_FILES_INVALID: entry(
    400,
    'The certificate and key for DNS over TLS cannot be used.',
    'Name a PEM certificate (with the chain after it) in dns.tls.certFile and its key in dns.tls.keyFile.',
  ),
  PORT_IN_USE: entry(409, 'The address is already in use.', 'Stop the other program or choose another port.'),
  NODE_TOO_OLD: entry(
    500,
    'This Node.js is too old.',
    'Run `npm ci` in the checkout, which brings Node 24, or install Node 22.12 or later.',
  ),

  // --- DNS
  DNS_NAME_INVALID: entry(
    422,
    'The domain name is not valid.',
    'Labels have 1 to 63 characters, the whole name at most 253.',
  ),
  DNS_RECORD_INVALID: entry(
    422,
    'The record data is not valid for its type.',
    'See the example in the message and docs/reference/resources.md.',
  ),
  DNS_RECORD_CONFLICT: entry(
    422,
    'The record cannot stand beside what else is at or above its name.',
    'Remove one of the two; the message names both.',
  ),
  DNS_RECORD_DUPLICATE: entry(
    422,
    'The same record or record set is given twice.',
    'Remove one of the two, or put the data into one entry.',
  ),
  DNS_RECORD_OUT_OF_ZONE: entry(
    422,
    'The name does not lie in the zone.',
    'Write it relative to the origin, or move it to the zone it belongs to.',
  ),
  DNS_GLUE_MISSING: entry(
    422,
    'A name server inside the zone has no address, so nobody could reach it.',
    'Add an A or AAAA record for the name server.',
  ),
  DNS_ZONE_INVALID: entry(422, 'The zone cannot be served as it is.', 'Correct the listed records.'),
  ZONE_FILE_INVALID: entry(
    422,
    'The zone file cannot be read.',
    'Correct the lines listed with their columns; `named-checkzone` reads the same format.',
  ),
  ZONE_TOO_LARGE: entry(
    413,
    'The zone has more record sets than one Zone may hold.',
    'Delegate a part of it to a Zone of its own (NS records), or replace series of names by a wildcard.',
  ),
  DNS_WIRE_MALFORMED: entry(
    400,
    'The DNS message cannot be parsed.',
    'Nothing to do: the sender gets FORMERR.',
  ),
  DNSSEC_KEY_INVALID: entry(
    422,
    'The DNSSEC key cannot be used.',
    'Keys are ECDSA P-256 (algorithm 13); let the hub make one.',
  ),
  GEO_DATABASE_INVALID: entry(
    400,
    'The GeoIP database cannot be read.',
    'Point `geo.database` at an .mmdb file (MaxMind DB format).',
  ),
  GEO_DATABASE_UNTRUSTED: entry(
    422,
    'The GeoIP database is not the one that its publisher signed or listed.',
    'Download it again, and give the checksum or the signature of its publisher.',
  ),
  GEO_UPDATE_REFUSED: entry(
    409,
    'The GeoIP database cannot be put into use now.',
    'See `portolan geoip status`; a large change needs `portolan geoip activate --approve --reason`.',
  ),

  TSIG_KEY_INVALID: entry(
    422,
    'The TSIG key cannot be used.',
    'Give name, algorithm (hmac-sha256, hmac-sha384 or hmac-sha512) and the secret in base64, at least 16 octets.',
  ),
  TSIG_REJECTED: entry(
    403,
    'The signature of a DNS message does not hold.',
    'Both servers need the same key name, algorithm and secret, and clocks that agree within 300 s.',
  ),
  TRANSFER_REFUSED: entry(
    403,
    'The name server does not let this machine copy the zone.',
    'Allow its address or TSIG key at that server (named: allow-transfer, Knot: acl, PowerDNS: allow-axfr-ips).',
  ),
  TRANSFER_FAILED: entry(
    503,
    'The copy of the zone ended before it was whole, or is not a zone.',
    'Try again; `dig @SERVER ZONE AXFR` shows what the server sends.',
  ),
  TRANSFER_TOO_BIG: entry(
    413,
    'The zone is bigger than the limit for a copy.',
    'Raise the limit if the zone is meant to be that big.',
  ),

  NAME_SERVER_SILENT: entry(
    503,
    'A name server does not answer.',
    'Check that it runs and that UDP reaches its address; `portolan get clusters -o wide` lists name servers.',
  ),

  DNSSEC_REFUSED: entry(
    409,
    'The state of the signing of the zone does not allow this now: it could make the zone bogus.',
    'See `portolan zone dnssec show <zone>`: it says what is waited for and what to do.',
  ),

  // --- drills
  DRILL_REFUSED: entry(
    409,
    'A guard refuses the drill.',
    'The message quotes the guard and its figures; change the drill or the guard.',
  ),
  DRILL_ACTIVE: entry(
    409,
    'Another drill is running on this namespace.',
    'Wait for it or abort it with `portolan drill abort <name>`.',
  ),

  // --- talking to the hub
  HUB_UNREACHABLE: entry(
    503,
    'The hub does not answer.',
    'Check that it runs and that --server (or PORTOLAN_SERVER) is right.',
  ),
  PEER_UNREACHABLE: entry(
    503,
    'Another agent does not answer on its peer link.',
    'Nothing to do when it is down; else check that agents reach each other at their peer addresses (`peer.advertise`).',
  ),
  LINK_CONGESTED: entry(
    503,
    'The other end of a stream reads too slowly; the stream was cut.',
    'Nothing to do: it is opened again; if it repeats, look at the network and at the load of the machine.',
  ),
  NOT_READY: entry(503, 'The program is starting or stopping.', 'Try again in a moment.'),
  USAGE: entry(400, 'The command line is not right.', 'See `portolan <command> --help`.'),
  UNSUPPORTED: entry(400, 'This is not supported.', 'The message says what is.'),
  INTERNAL: entry(500, 'An unexpected error.', 'Report it with the log lines around it.'),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERROR_TABLE;
