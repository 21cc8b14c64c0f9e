using System.Text.Json.Nodes;
using WirePS.Identity;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Devices;

/// <summary>A device as this home lists it.</summary>
/// <param name="Device">Its entry on the card.</param>
/// <param name="Label">Its name here; null for none.</param>
/// <param name="TokenHash">The token that admitted it, 64 hex digits; null where that is not known.</param>
public sealed record ListedDevice(DeviceEntry Device, string? Label, string? TokenHash);

/// <summary>
/// The devices of this home's own identity: on its card, which gets its next one with every change
/// (<see cref="CardChain"/>). What peers need not know, the labels and which key has used a device's token, stands in
/// <c>devices.json</c>.
/// </summary>
/// <param name="home">The home.</param>
/// <param name="files">Its files.</param>
/// <param name="identity">Its identity: the root.</param>
/// <param name="trust">Whom it trusts: the identities that it is a device of are there.</param>
/// <param name="time">The clock.</param>
public sealed class CardDeviceBook(WireHome home, IFileSystem files, IdentityStore identity, TrustStore trust, TimeProvider time) : IDeviceBook
{
    /// <summary>Most claims of one device that are remembered at a time; each stands in the file until its token can bring nobody any more.</summary>
    internal const int MaxClaimsOfOneIssuer = 64;

    private const string ClaimsMember = "claims";

    // Clocks may be apart by that much; a claim is remembered for longer than its request is taken.
    private static readonly TimeSpan ClaimSlack = TimeSpan.FromHours(1);

    private readonly JsonFile _notes = new(files, home.DevicesFile, home.LockFile("devices"));

    /// <inheritdoc/>
    public Task<DeviceIssuer> IssuerAsync(string principal, CancellationToken cancellationToken)
    {
        var own = identity.Find()?.Card ?? throw Unknown(principal);
        return Task.FromResult(own.Did == principal
            ? new DeviceIssuer(own.PublicKey, DeviceRights.All)
            : new DeviceIssuer(own.PublicKey, RightsAt(principal, own.PublicKey), IsRoot: false));
    }

    /// <inheritdoc/>
    public Task CheckAsync(DeviceCandidate candidate, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(candidate);
        var own = identity.Find()?.Card ?? throw Unknown(candidate.Principal);
        if (own.Did == candidate.Principal)
        {
            _ = WithDevice(own.Json, candidate);
        }
        else
        {
            // The card that is known here may be an old one: what stands against the device, the root says.
            _ = RightsAt(candidate.Principal, own.PublicKey);
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task<DeviceAdded> AddAsync(DeviceCandidate candidate, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(candidate);
        await CheckAsync(candidate, cancellationToken).ConfigureAwait(false);
        if (candidate.Claim is { } claim)
        {
            await ClaimAsync(candidate, claim, cancellationToken).ConfigureAwait(false);
        }

        try
        {
            return await PublishAsync(candidate, cancellationToken).ConfigureAwait(false);
        }
        catch (WireException error) when (candidate.Claim is not null && DeviceRefusals.Contains(error.Reason))
        {
            // Nothing was changed, so that the token is free for another machine.
            await _notes.UpdateAsync(tree => JsonFile.ObjectIn(tree, ClaimsMember).Remove(candidate.TokenHash), CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task<bool> RemoveAsync(string principal, byte[] key, CancellationToken cancellationToken)
    {
        _ = OwnCard(principal);

        // Before the card: what brought this device does not bring it back.
        await NoteRemovalAsync(tree => SpendClaims(tree, NameOf(key)), cancellationToken).ConfigureAwait(false);
        var wasThere = false;
        await identity.UpdateCardAsync(
            content =>
            {
                var devices = DeviceEntry.ListOf(AgentCard.From(content));
                var left = devices.RemoveAll(device => device.HasKey(key));
                wasThere = left.Length < devices.Length;
                return wasThere ? DeviceEntry.With(content, left) : null;
            },
            cancellationToken).ConfigureAwait(false);
        await NoteRemovalAsync(tree => JsonFile.ObjectIn(tree, "devices").Remove(NameOf(key)), cancellationToken).ConfigureAwait(false);
        return wasThere;
    }

    /// <summary>
    /// The devices, each with its label and the token that admitted it, in the order in which they were added. Where the notes cannot be read, without
    /// those: the card alone says which devices there are.
    /// </summary>
    public IReadOnlyList<ListedDevice> List()
    {
        if (identity.Find() is not { } own)
        {
            return [];
        }

        var devices = DeviceEntry.ListOf(own.Card);
        try
        {
            return _notes.Get(tree => devices
                .Select(device => new ListedDevice(
                    device,
                    (string?)tree?["devices"]?[NameOf(device.Key)]?["label"],
                    (string?)tree?["devices"]?[NameOf(device.Key)]?["token_hash"]))
                .ToList());
        }
        catch (WireException error) when (IsUnreadable(error))
        {
            return [.. devices.Select(static device => new ListedDevice(device, null, null))];
        }
    }

    private async Task<DeviceAdded> PublishAsync(DeviceCandidate candidate, CancellationToken cancellationToken)
    {
        await SetLabelAsync(candidate, cancellationToken).ConfigureAwait(false);
        var isNew = false;
        var card = await identity.UpdateCardAsync(
            content =>
            {
                var changed = WithDevice(content, candidate);
                isNew = changed is not null;
                return changed;
            },
            cancellationToken).ConfigureAwait(false);
        return new(card, isNew);
    }

    /// <summary>
    /// Keeps which key a device's token is used by, before that key is on the card. <see cref="WireReason.TokenRefused"/> where it is another one, or the device
    /// was revoked since; <see cref="WireReason.TooManyTokens"/> where the device that admits has as many claims as it gets.
    /// </summary>
    private Task ClaimAsync(DeviceCandidate candidate, DeviceClaim claim, CancellationToken cancellationToken) => _notes.UpdateAsync(
        tree =>
        {
            tree["version"] ??= 1;
            var claims = JsonFile.ObjectIn(tree, ClaimsMember);
            foreach (var over in claims.Where(known => ((long?)known.Value?["until"] ?? 0) < time.GetUtcNow().ToUnixTimeSeconds()).Select(static known => known.Key).ToList())
            {
                claims.Remove(over);
            }

            var key = NameOf(candidate.Card.PublicKey);
            if (claims[candidate.TokenHash] is { } taken)
            {
                return (string?)taken["key"] == key && (bool?)taken["spent"] != true ? false : throw new WireException(WireReason.TokenRefused);
            }

            var issuer = NameOf(claim.IssuerKey);
            if (claims.Count(known => (string?)known.Value?["issuer"] == issuer) >= MaxClaimsOfOneIssuer)
            {
                throw new WireException(WireReason.TooManyTokens);
            }

            claims[candidate.TokenHash] = new JsonObject { ["key"] = key, ["issuer"] = issuer, ["until"] = (claim.ExpiresAt + ClaimSlack).ToUnixTimeSeconds() };
            return true;
        },
        cancellationToken);

    // No file keeps a lost machine on the card; by notes that cannot be read nothing comes back either.
    private async Task NoteRemovalAsync(Func<JsonObject, bool> change, CancellationToken cancellationToken)
    {
        try
        {
            await _notes.UpdateAsync(change, cancellationToken).ConfigureAwait(false);
        }
        catch (WireException error) when (IsUnreadable(error))
        {
        }
    }

    private static bool IsUnreadable(WireException error) => error.Reason is WireReason.FileCorrupt or WireReason.FileNewerVersion;

    private static bool SpendClaims(JsonObject tree, string key)
    {
        var spent = JsonFile.ObjectIn(tree, ClaimsMember)
            .Select(static known => known.Value)
            .OfType<JsonObject>()
            .Where(claim => (string?)claim["key"] == key && (bool?)claim["spent"] != true)
            .ToList();
        spent.ForEach(static claim => claim["spent"] = true);
        return spent.Count > 0;
    }

    private Task SetLabelAsync(DeviceCandidate candidate, CancellationToken cancellationToken) => _notes.UpdateAsync(
        tree =>
        {
            tree["version"] ??= 1;
            var devices = JsonFile.ObjectIn(tree, "devices");
            var name = NameOf(candidate.Card.PublicKey);

            // What is noted of a key that is on no card is of an attempt that came to nothing.
            if (devices[name] is { } noted && ((string?)noted["token_hash"] == candidate.TokenHash || IsListed(candidate.Card.PublicKey)))
            {
                return false;
            }

            devices[name] = new JsonObject { ["label"] = candidate.Label, ["token_hash"] = candidate.TokenHash };
            return true;
        },
        cancellationToken);

    /// <summary>The card's content with the device; null where its key is on it already.</summary>
    private static WireJson? WithDevice(WireJson content, DeviceCandidate candidate)
    {
        var root = AgentCard.From(content);
        var key = candidate.Card.PublicKey;
        if (candidate.Claim is { } claim)
        {
            // What the device that admits may give counts now, by the card that is about to change.
            var rights = DeviceEntry.ListOf(root).FirstOrDefault(device => device.HasKey(claim.IssuerKey))?.Rights ?? DeviceRights.None;
            candidate.Rights.RequireWithin(rights);
        }

        if (key.AsSpan().SequenceEqual(root.PublicKey))
        {
            throw new WireException(WireReason.SelfPairing, "The device presented the key of the identity itself.", candidate.Principal);
        }

        var devices = DeviceEntry.ListOf(root);
        if (devices.Any(device => device.HasKey(key)))
        {
            return null;
        }

        if (candidate.Card.Did == root.Did || devices.Any(device => device.Did == candidate.Card.Did))
        {
            throw new WireException(WireReason.IdentityConflict, "Another key is already known under the name of this device.", candidate.Card.Did);
        }

        if (devices.Length >= DeviceEntry.MaxCount)
        {
            throw new WireException(WireReason.TooManyDevices, null, candidate.Principal);
        }

        var dhPublicKey = candidate.Card.DhPublicKey
            ?? throw new WireException(WireReason.InvalidCard, "The agent card did not pass: it has no dh_pubkey, so nothing could be sealed to the device.", candidate.Card.Did);
        return DeviceEntry.With(content, devices.Add(new(candidate.Card.Did, key, dhPublicKey, candidate.Rights, candidate.AddedAt, [.. candidate.Endpoints.Select(static endpoint => endpoint.Place)])));
    }

    private bool IsListed(byte[] key) => identity.Find() is { } own && DeviceEntry.ListOf(own.Card).Any(device => device.HasKey(key));

    private AgentCard OwnCard(string principal) =>
        identity.Find()?.Card is { } card && card.Did == principal ? card : throw Unknown(principal);

    /// <summary>What this home may do in the name of an identity that it is a device of, by the newest card that is known of that.</summary>
    private DeviceRights RightsAt(string principal, byte[] ownKey) =>
        trust.Find(principal) is { } peer && DeviceOperations.EntryOn(peer, ownKey) is { } entry ? entry.Rights : throw Unknown(principal);

    private static WireException Unknown(string principal) => new(WireReason.PrincipalUnknown, null, principal);

    private static string NameOf(byte[] key) => Convert.ToHexStringLower(key);
}
