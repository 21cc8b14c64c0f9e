using System.Net;
using System.Text.Json.Nodes;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Storage;

namespace WirePS.Handshakes;

/// <summary>
/// The allowlist and the policy of a home, two files that people may edit: <c>trusted-agents.json</c> and
/// <c>trust-policy.json</c>. A file that cannot be read, or has anything in it that is not understood, decides nothing.
/// </summary>
/// <param name="home">The home.</param>
/// <param name="files">Its files.</param>
/// <param name="time">The clock.</param>
public sealed class TrustPolicies(WireHome home, IFileSystem files, TimeProvider time)
{
    /// <summary>Most agents in the allowlist.</summary>
    public const int MostAgents = 4096;

    private static readonly string[] AgentMembers = ["name", "public_key", "did", "address", "node_id", "added_at"];
    private static readonly string[] PolicyMembers = ["version", "auto_approve", "allow_older_signature", "listen"];

    private readonly JsonFile _agents = new(files, home.TrustedAgentsFile, home.LockFile("trusted-agents"), maxBytes: 1024 * 1024);
    private readonly JsonFile _policy = new(files, home.TrustPolicyFile, home.LockFile("trust-policy"), maxBytes: 64 * 1024);

    /// <summary>The allowlist.</summary>
    /// <exception cref="WireException"><see cref="WireReason.FileCorrupt"/>, also for a key that is none: a pin that does not pin is refused with the whole file.</exception>
    public TrustAllowlist Allowlist() => _agents.Get(ReadAgents);

    /// <summary>The policy.</summary>
    /// <exception cref="WireException"><see cref="WireReason.FileCorrupt"/>.</exception>
    public TrustPolicy Policy() => _policy.Get(ReadPolicy);

    /// <summary>Both; null in the place of one that cannot be read.</summary>
    internal (TrustAllowlist? Allowlist, TrustPolicy? Policy) TryRead() => (Try(Allowlist), Try(Policy));

    /// <summary>Puts an agent in, in the place of the one that has its name.</summary>
    /// <param name="agent">The agent; it has a key.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="WireException"><see cref="WireReason.TrustedAgentExists"/> where another name has the key; <see cref="WireReason.FileCorrupt"/>.</exception>
    public async Task<TrustedAgent> AddAsync(TrustedAgent agent, CancellationToken cancellationToken)
    {
        var added = agent with { AddedAt = Timestamps.Round(time.GetUtcNow()) };
        await _agents.UpdateAsync(
            tree =>
            {
                var agents = ReadAgents(tree).Agents.Where(a => a.Name != agent.Name).ToList();
                if (agents.Exists(a => a.Key is not null && agent.Key is not null && a.Key.AsSpan().SequenceEqual(agent.Key)) || agents.Count >= MostAgents)
                {
                    throw new WireException(WireReason.TrustedAgentExists, null, agent.Name);
                }

                WriteAgents(tree, agents.Append(added));
                return true;
            },
            cancellationToken).ConfigureAwait(false);
        return added;
    }

    /// <summary>Takes an agent out; false where there is none of that name.</summary>
    public async Task<bool> RemoveAsync(string name, CancellationToken cancellationToken)
    {
        var removed = false;
        await _agents.UpdateAsync(
            tree =>
            {
                var agents = ReadAgents(tree).Agents;
                var rest = agents.Where(a => a.Name != name).ToList();
                removed = rest.Count < agents.Count;
                WriteAgents(tree, rest);
                return removed;
            },
            cancellationToken).ConfigureAwait(false);
        return removed;
    }

    /// <summary>Sets the policy.</summary>
    public Task SetAsync(TrustPolicy policy, CancellationToken cancellationToken) => _policy.UpdateAsync(
        tree =>
        {
            tree["version"] = 1;
            tree["auto_approve"] = policy.AutoApprove;
            tree["allow_older_signature"] = policy.AllowOlderSignature;
            tree["listen"] = policy.Listen?.ToString();
            return true;
        },
        cancellationToken);

    private static T? Try<T>(Func<T> read)
        where T : class
    {
        try
        {
            return read();
        }
        catch (WireException)
        {
            return null;
        }
    }

    private TrustPolicy ReadPolicy(JsonObject? tree)
    {
        if (tree?.Select(static m => m.Key).Except(PolicyMembers).Any() == true)
        {
            // It may be one that forbids something.
            throw new WireException(WireReason.FileCorrupt, "The policy has a member that this version does not know.", home.TrustPolicyFile);
        }

        return new TrustPolicy
        {
            AutoApprove = (bool?)tree?["auto_approve"] ?? false,
            AllowOlderSignature = (bool?)tree?["allow_older_signature"] ?? false,
            Listen = (string?)tree?["listen"] is not { } listen ? null
                : IPEndPoint.TryParse(listen, out var place) && listen == place.ToString() ? place
                : throw new WireException(WireReason.FileCorrupt, "The policy names no address and port to listen at.", home.TrustPolicyFile),
        };
    }

    private TrustAllowlist ReadAgents(JsonObject? tree)
    {
        var agents = (tree?["agents"]?.AsArray() ?? []).Select(node => ReadAgent(node!.AsObject())).ToList();
        return agents.Select(static a => a.Name).Distinct(StringComparer.Ordinal).Count() == agents.Count && agents.Count <= MostAgents
            ? new TrustAllowlist([.. agents.OrderBy(static a => a.Name, StringComparer.Ordinal)])
            : throw Malformed();
    }

    private TrustedAgent ReadAgent(JsonObject node)
    {
        byte[]? key = null;
        var text = (string?)node["public_key"];
        if (node.Any(static m => !AgentMembers.Contains(m.Key))
            || (string?)node["name"] is not { Length: > 0 } name
            || (text is not null && (!StrictBase64.TryDecode(text, Ed25519.PublicKeyBytes, out key) || !Ed25519.IsValidPublicKey(key))))
        {
            throw Malformed();
        }

        var agent = new TrustedAgent
        {
            Name = name,
            Key = key,
            Did = (string?)node["did"],
            Address = (string?)node["address"],
            NodeId = (uint?)node["node_id"] ?? 0,
            AddedAt = Timestamps.TryParse((string?)node["added_at"], out var at) ? at : default,
        };
        return agent is { Key: null, Did: null, Address: null, NodeId: 0 } ? throw Malformed() : agent;
    }

    private static void WriteAgents(JsonObject tree, IEnumerable<TrustedAgent> agents)
    {
        tree["version"] = 1;
        tree["agents"] = new JsonArray([.. agents.OrderBy(static a => a.Name, StringComparer.Ordinal).Select(Write)]);
    }

    private static JsonNode Write(TrustedAgent agent)
    {
        var node = new JsonObject { ["name"] = agent.Name };
        foreach (var (name, value) in ((string, string?)[])[("public_key", agent.Key is null ? null : StrictBase64.Encode(agent.Key)), ("did", agent.Did), ("address", agent.Address)])
        {
            if (value is not null)
            {
                node[name] = value;
            }
        }

        if (agent.NodeId != 0)
        {
            node["node_id"] = agent.NodeId;
        }

        node["added_at"] = Timestamps.Format(agent.AddedAt);
        return node;
    }

    private WireException Malformed() => new(WireReason.FileCorrupt, "The list of trusted agents has an entry that is none: a name twice, a key that is no key, or a member that this version does not know.", home.TrustedAgentsFile);
}
