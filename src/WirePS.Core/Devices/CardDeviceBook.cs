using System.Text.Json.Nodes;
using WirePS.Identity;
using WirePS.Storage;

namespace WirePS.Devices;

/// <summary>A device as this home lists it.</summary>
/// <param name="Device">Its entry on the card.</param>
/// <param name="Label">Its name here; null for none.</param>
/// <param name="TokenHash">The token that admitted it, 64 hex digits; null where that is not known.</param>
public sealed record ListedDevice(DeviceEntry Device, string? Label, string? TokenHash);

/// <summary>
/// The devices of this home's own identity: on its card, which gets its next one with every change
/// (<see cref="CardChain"/>). What peers need not know, the label, stands in <c>devices.json</c>.
/// </summary>
/// <param name="home">The home.</param>
/// <param name="files">Its files.</param>
/// <param name="identity">Its identity: the root.</param>
public sealed class CardDeviceBook(WireHome home, IFileSystem files, IdentityStore identity) : IDeviceBook
{
    private readonly JsonFile _labels = new(files, home.DevicesFile, home.LockFile("devices"));

    /// <inheritdoc/>
    public Task<DeviceIssuer> IssuerAsync(string principal, CancellationToken cancellationToken) =>
        Task.FromResult(new DeviceIssuer(OwnCard(principal).PublicKey, DeviceRights.All));

    /// <inheritdoc/>
    public Task CheckAsync(DeviceCandidate candidate, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(candidate);
        _ = WithDevice(OwnCard(candidate.Principal).Json, candidate);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task<DeviceAdded> AddAsync(DeviceCandidate candidate, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(candidate);
        await CheckAsync(candidate, cancellationToken).ConfigureAwait(false);
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

    /// <inheritdoc/>
    public async Task<bool> RemoveAsync(string principal, byte[] key, CancellationToken cancellationToken)
    {
        _ = OwnCard(principal);
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
        await _labels.UpdateAsync(tree => JsonFile.ObjectIn(tree, "devices").Remove(NameOf(key)), cancellationToken).ConfigureAwait(false);
        return wasThere;
    }

    /// <summary>The devices, each with its label and the token that admitted it, in the order in which they were added.</summary>
    public IReadOnlyList<ListedDevice> List()
    {
        if (identity.Find() is not { } own)
        {
            return [];
        }

        return _labels.Get(tree => DeviceEntry.ListOf(own.Card)
            .Select(device => new ListedDevice(
                device,
                (string?)tree?["devices"]?[NameOf(device.Key)]?["label"],
                (string?)tree?["devices"]?[NameOf(device.Key)]?["token_hash"]))
            .ToList());
    }

    private Task SetLabelAsync(DeviceCandidate candidate, CancellationToken cancellationToken) => _labels.UpdateAsync(
        tree =>
        {
            tree["version"] ??= 1;
            var devices = JsonFile.ObjectIn(tree, "devices");
            var name = NameOf(candidate.Card.PublicKey);
            if (devices[name] is not null)
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

    private AgentCard OwnCard(string principal) =>
        identity.Find()?.Card is { } card && card.Did == principal ? card : throw new WireException(WireReason.PrincipalUnknown, null, principal);

    private static string NameOf(byte[] key) => Convert.ToHexStringLower(key);
}
